import { NativeSelect, NumberInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { AnomalyRule, AnomalyRuleCreate } from "@tollhouse/contract/control-client";
import { useChange } from "../../api/use-operation.ts";
import { fieldProblems, FormModal } from "../../parts/form-modal.tsx";

interface Values extends Record<string, unknown> {
  kind: AnomalyRule["kind"];
  per: AnomalyRule["per"];
  threshold: string;
  window_seconds: number;
  action: AnomalyRule["action"];
  freeze_seconds: number | "";
}

const KINDS = [
  { value: "loop", label: "calls that are alike (a loop)" },
  { value: "burst", label: "many calls (a burst)" },
  { value: "velocity", label: "much money a minute" },
];
const ACTIONS = [
  { value: "alert", label: "say so in its entry" },
  { value: "block", label: "refuse the call" },
  { value: "freeze", label: "refuse it and freeze the session" },
];
const NEW: Values = {
  kind: "loop",
  per: "session",
  threshold: "10",
  window_seconds: 60,
  action: "freeze",
  freeze_seconds: 600,
};

/** A new rule, or one that is there: its kind and whose calls it counts stay then. */
export function AnomalyRuleForm({
  rule,
  onClose,
}: {
  readonly rule: AnomalyRule | null;
  readonly onClose: () => void;
}) {
  const form = useForm<Values>({
    initialValues: rule === null ? NEW : { ...rule, freeze_seconds: rule.freeze_seconds ?? "" },
  });
  const create = useChange("createAnomalyRule", ["listAnomalyRules"], onClose);
  const update = useChange("updateAnomalyRule", ["listAnomalyRules"], onClose);
  const { kind, action } = form.getValues();
  const submit = (values: Values) => {
    const onError = fieldProblems(form);
    if (rule === null) return create.mutate({ input: { body: createdBy(values) } }, { onError });
    const { threshold, window_seconds } = values;
    const freeze_seconds = values.action !== "freeze" || values.freeze_seconds === "" ? null : values.freeze_seconds;
    const body = { threshold, window_seconds, action: values.action, freeze_seconds, version: rule.version };
    return update.mutate({ input: { params: { id: rule.id }, body } }, { onError });
  };
  return (
    <FormModal
      title={rule === null ? "Add a rule" : "Change the rule"}
      action={rule === null ? "Add" : "Save"}
      form={form}
      isBusy={create.isPending || update.isPending}
      error={create.error ?? update.error}
      onSubmit={submit}
      onClose={onClose}
    >
      {rule === null && (
        <>
          <NativeSelect label="Too much is" data={KINDS} data-autofocus {...form.getInputProps("kind")} />
          <NativeSelect label="By one" data={["session", "agent", "user"]} {...form.getInputProps("per")} />
        </>
      )}
      <TextInput
        label={kind === "velocity" ? "Dollars a minute" : "Calls"}
        inputMode="decimal"
        {...form.getInputProps("threshold")}
      />
      <NumberInput label="Within seconds" min={1} allowDecimal={false} {...form.getInputProps("window_seconds")} />
      <NativeSelect label="Then" data={ACTIONS} {...form.getInputProps("action")} />
      {action === "freeze" && (
        <NumberInput
          label="Frozen for seconds"
          description="Empty: until somebody unfreezes it"
          min={1}
          allowDecimal={false}
          {...form.getInputProps("freeze_seconds")}
        />
      )}
    </FormModal>
  );
}

function createdBy({ kind, per, threshold, window_seconds, action, freeze_seconds }: Values): AnomalyRuleCreate {
  const freezes = action === "freeze" && freeze_seconds !== "";
  return { kind, per, threshold, window_seconds, action, ...(freezes && { freeze_seconds }) };
}
