import { NativeSelect, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useChange, useOperation, type Touches } from "../../api/use-operation.ts";
import { fieldProblems, FormModal } from "../../parts/form-modal.tsx";

interface ChangePlanProps {
  readonly user: string;
  /** null: on none. */
  readonly plan: string | null;
  readonly onClose: () => void;
}

const TOUCHES: Touches = ["getUserSummary", "getUserPlan"];

/** Puts a user on a plan, or takes it off. */
export function ChangePlan({ user, plan, onClose }: ChangePlanProps) {
  const { data } = useOperation("listPlans", {});
  const form = useForm({ initialValues: { plan: plan ?? "" } });
  const assign = useChange("assignUserPlan", TOUCHES, onClose);
  const unassign = useChange("unassignUserPlan", TOUCHES, onClose);
  const names = data?.plans.map(({ name }) => name) ?? [];
  return (
    <FormModal
      title={`Plan of ${user}`}
      action="Change"
      form={form}
      isBusy={assign.isPending || unassign.isPending}
      error={assign.error ?? unassign.error}
      onSubmit={({ plan: name }) => {
        const params = { id: user };
        if (name === (plan ?? "")) onClose();
        else if (name === "") unassign.mutate({ input: { params } });
        else assign.mutate({ input: { params, body: { plan: name } } }, { onError: fieldProblems(form) });
      }}
      onClose={onClose}
    >
      <Text size="sm">
        In force for the next call. It goes before the plan of the user's customer and before what its calls say.
      </Text>
      <NativeSelect
        label="Plan"
        data={[{ value: "", label: "none" }, ...names]}
        description={data?.plans.length === 0 ? "There are no plans yet: make one under Policies." : undefined}
        {...form.getInputProps("plan")}
      />
    </FormModal>
  );
}
