import { Button, Code, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { Plan } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { useMay } from "../../api/session.ts";
import { useChange, usePages } from "../../api/use-operation.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { fieldProblems, FormModal } from "../../parts/form-modal.tsx";
import { Section } from "../../parts/section.tsx";

type Asked = "make" | { readonly remove: Plan } | null;

/** Names that policies attach to, and that users and customers are put on. */
export function Plans() {
  const mayManage = useMay("manage");
  const [asked, setAsked] = useState<Asked>(null);
  const plans = usePages("listPlans", {}, (page) => page.plans);
  const close = () => setAsked(null);
  return (
    <Section
      title="Plans"
      actions={
        mayManage && (
          <Button variant="default" onClick={() => setAsked("make")}>
            Make a plan
          </Button>
        )
      }
    >
      <DataTable
        caption="Plans of this environment"
        columns={columnsOf(mayManage ? (plan) => setAsked({ remove: plan }) : null)}
        keyOf={({ name }) => name}
        empty={
          <EmptyState isInner title="No plans yet">
            A plan (free, pro) is a name: what it allows is in the policies attached to it. Users are put on one on
            their page, or by the header <Code>x-tollhouse-plan</Code>.
          </EmptyState>
        }
        {...plans}
      />
      {asked === "make" && <MakePlan onClose={close} />}
      {asked !== null && asked !== "make" && <RemovePlan plan={asked.remove} onClose={close} />}
    </Section>
  );
}

function columnsOf(remove: ((plan: Plan) => void) | null): readonly Column<Plan>[] {
  return [
    { header: "Plan", cell: ({ name }) => <Code>{name}</Code> },
    { header: "What it is for", isProse: true, cell: ({ description }) => description || "–" },
    {
      header: "Actions",
      isHeaderHidden: true,
      isNumber: true,
      cell: (plan) =>
        remove !== null && (
          <Button
            size="compact-sm"
            variant="default"
            aria-label={`Delete plan ${plan.name}`}
            onClick={() => remove(plan)}
          >
            Delete
          </Button>
        ),
    },
  ];
}

function MakePlan({ onClose }: { readonly onClose: () => void }) {
  const form = useForm({ initialValues: { name: "", description: "" } });
  const make = useChange("putPlan", ["listPlans"], onClose);
  return (
    <FormModal
      title="Make a plan"
      action="Make"
      form={form}
      isBusy={make.isPending}
      error={make.error}
      onSubmit={({ name, description }) => {
        if (name.trim() === "") form.setFieldError("name", "expected a name, such as pro");
        else
          make.mutate(
            { input: { params: { name: name.trim() }, body: { description } } },
            { onError: fieldProblems(form) },
          );
      }}
      onClose={onClose}
    >
      <TextInput label="Name" data-autofocus {...form.getInputProps("name")} />
      <TextInput label="What it is for" {...form.getInputProps("description")} />
    </FormModal>
  );
}

function RemovePlan({ plan, onClose }: { readonly plan: Plan; readonly onClose: () => void }) {
  const remove = useChange("deletePlan", ["listPlans", "getUserSummary"], onClose);
  return (
    <Confirm
      title={`Delete plan ${plan.name}?`}
      action="Delete"
      isBusy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate({ input: { params: { name: plan.name } }, version: plan.version })}
      onClose={onClose}
    >
      <Text size="sm" span>
        It is refused while a policy is attached to it or somebody is on it.
      </Text>
    </Confirm>
  );
}
