import { NativeSelect, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useChange, useOperation, type Touches } from "../../api/use-operation.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { fieldProblems, FormModal } from "../../parts/form-modal.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { usePlanOf, type PlanHolder } from "./plan-of.ts";

interface ChangePlanProps {
  readonly holder: PlanHolder;
  readonly id: string;
  readonly onClose: () => void;
}

const TOUCHES: Touches = ["getUserSummary", "getUserPlan", "getCustomerPlan"];
const CHANGES = {
  user: { assign: "assignUserPlan", unassign: "unassignUserPlan" },
  customer: { assign: "assignCustomerPlan", unassign: "unassignCustomerPlan" },
} as const;
/** More than anybody chooses from. */
const PLANS_MAX = 1000;
const ABOUT: { readonly [H in PlanHolder]: string } = {
  user: "It goes before the plan of the user's customer and before what its calls say.",
  customer: "It goes before what calls say, and after the plan that a user of it was put on.",
};

/** Puts a user or a customer on a plan, or takes it off. */
export function ChangePlan(props: ChangePlanProps) {
  const { holder, id, onClose } = props;
  const { plan, error } = usePlanOf(holder, id);
  // Which plan it leaves must be known: "none" would change nothing where it is not.
  if (plan !== undefined) return <PlanForm {...props} plan={plan} />;
  if (error === null) return null;
  return (
    <Dialog title={`Plan of ${id}`} onClose={onClose}>
      <ProblemAlert error={error} />
    </Dialog>
  );
}

/** `plan`: null = on none. */
function PlanForm({ holder, id, plan, onClose }: ChangePlanProps & { readonly plan: string | null }) {
  const { data } = useOperation("listPlans", { query: { limit: PLANS_MAX } });
  const form = useForm({ initialValues: { plan: plan ?? "" } });
  const assign = useChange(CHANGES[holder].assign, TOUCHES, onClose);
  const unassign = useChange(CHANGES[holder].unassign, TOUCHES, onClose);
  const names = data?.plans.map(({ name }) => name) ?? [];
  return (
    <FormModal
      title={`Plan of ${id}`}
      action="Change"
      form={form}
      isBusy={assign.isPending || unassign.isPending}
      error={assign.error ?? unassign.error}
      onSubmit={({ plan: name }) => {
        const params = { id };
        if (name === (plan ?? "")) onClose();
        else if (name === "") unassign.mutate({ input: { params } });
        else assign.mutate({ input: { params, body: { plan: name } } }, { onError: fieldProblems(form) });
      }}
      onClose={onClose}
    >
      <Text size="sm">In force for the next call. {ABOUT[holder]}</Text>
      <NativeSelect
        label="Plan"
        data={[{ value: "", label: "none" }, ...names]}
        description={data?.plans.length === 0 ? "There are no plans yet: make one under Policies." : undefined}
        {...form.getInputProps("plan")}
      />
    </FormModal>
  );
}
