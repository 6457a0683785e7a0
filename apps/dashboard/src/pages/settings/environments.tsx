import { Anchor, Button, Code, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Environment } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { SESSION_KEY, useMay } from "../../api/session.ts";
import { useChange, useOperation } from "../../api/use-operation.ts";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { fieldProblems, FormModal } from "../../parts/form-modal.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Section } from "../../parts/section.tsx";

const COLUMNS: readonly Column<Environment>[] = [
  {
    header: "Name",
    cell: ({ name }) => (
      <Anchor
        size="sm"
        renderRoot={(props) => <Link {...props} to="." search={(before) => ({ ...before, environment: name })} />}
      >
        {name}
      </Anchor>
    ),
  },
  { header: "Made", cell: ({ created_at }) => <Moment at={created_at} /> },
];

/** Places of their own in a tenant: a key, a limit and a policy belong to one. */
export function Environments() {
  const { data, error, isPending } = useOperation("listEnvironments", {});
  const [isAdding, setAdding] = useState(false);
  const mayAdd = useMay("own");
  return (
    <Section
      title="Environments"
      about="Keys, limits, policies and counters belong to one. An environment cannot be deleted: the ledger names it."
      actions={
        mayAdd && (
          <Button variant="default" onClick={() => setAdding(true)}>
            Add an environment
          </Button>
        )
      }
    >
      <DataTable
        caption="Environments"
        columns={COLUMNS}
        rows={data?.environments ?? []}
        keyOf={({ name }) => name}
        empty={<Text size="sm">None.</Text>}
        isPending={isPending}
        error={error}
      />
      {isAdding && <AddEnvironment onClose={() => setAdding(false)} />}
    </Section>
  );
}

function AddEnvironment({ onClose }: { readonly onClose: () => void }) {
  const client = useQueryClient();
  const form = useForm({ initialValues: { name: "" } });
  const create = useChange("createEnvironment", ["listEnvironments"], () => {
    // The picker above knows them from the session.
    void client.invalidateQueries({ queryKey: SESSION_KEY });
    onClose();
  });
  return (
    <FormModal
      title="Add an environment"
      action="Add"
      form={form}
      isBusy={create.isPending}
      error={create.error}
      onSubmit={({ name }) => create.mutate({ input: { body: { name } } }, { onError: fieldProblems(form) })}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        description={
          <>
            Lower case; it stands in the text of its keys: <Code>th_NAME_…</Code>
          </>
        }
        data-autofocus
        {...form.getInputProps("name")}
      />
    </FormModal>
  );
}
