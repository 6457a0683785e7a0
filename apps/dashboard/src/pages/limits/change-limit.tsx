import { Alert, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { Limit } from "@tollhouse/contract/control-client";
import { ProblemError } from "../../api/problem.ts";
import { useChange } from "../../api/use-operation.ts";
import { fieldProblems, FormModal } from "../../parts/form-modal.tsx";
import { formatAmount, formatLimit } from "../../parts/limit-words.ts";
import { Scope } from "../../parts/scope.tsx";
import { ModeInput } from "./mode-input.tsx";

type Values = Record<string, unknown> & Pick<Limit, "amount" | "mode">;

/** Amount and mode; only if nobody else changed it since it was shown. */
export function ChangeLimit({ limit, onClose }: { readonly limit: Limit; readonly onClose: () => void }) {
  const { id, version, scope, measure, amount, mode, state } = limit;
  const form = useForm<Values>({ initialValues: { amount: shortened(amount), mode } });
  const change = useChange("updateLimit", ["listLimits", "getSummary", "getUserSummary"], onClose);
  const isConflict = change.error instanceof ProblemError && change.error.problem?.reason_code === "VERSION_CONFLICT";
  return (
    <FormModal
      title="Change a limit"
      action="Change"
      form={form}
      isBusy={change.isPending}
      error={isConflict ? null : change.error}
      onSubmit={(values) => {
        const body = { mode: values.mode, amount: values.amount.trim(), version };
        change.mutate({ input: { params: { id }, body } }, { onError: fieldProblems(form) });
      }}
      onClose={onClose}
    >
      <Text size="sm">
        <Scope scope={scope} /> may use {formatLimit(limit)}. Used so far: {formatAmount(measure, state.settled)}.
      </Text>
      {isConflict && (
        <Alert color="orange" role="alert" title="Somebody else changed it">
          Close this, look at what it is now, and change it again if you still want to.
        </Alert>
      )}
      <TextInput
        label="Amount"
        description={measure === "usd" ? "In US dollars" : `A whole number of ${measure}`}
        inputMode="decimal"
        autoComplete="off"
        data-autofocus
        {...form.getInputProps("amount")}
      />
      <ModeInput {...form.getInputProps("mode")} />
    </FormModal>
  );
}

/** `25.000000000` → `25.00`: nobody wants to count the zeros. */
function shortened(amount: string): string {
  return amount.replace(/(\.\d{2}\d*?)0+$/, "$1");
}
