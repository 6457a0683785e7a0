import { NativeSelect, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { LimitCreate } from "@tollhouse/contract/control-client";
import { useChange } from "../../api/use-operation.ts";
import { fieldProblems, FormModal } from "../../parts/form-modal.tsx";
import { hasTimeZone, MEASURES, WINDOWS } from "../../parts/limit-words.ts";
import { ScopeInput } from "../../parts/scope-input.tsx";
import { SCOPE_KINDS } from "../../parts/scope.tsx";
import { ModeInput } from "./mode-input.tsx";

type Values = Record<string, unknown> & Required<LimitCreate>;

/** The zone of the viewer, beside the one that everything is in unless it says another. */
const OWN_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const ZONES = [...new Set(["UTC", OWN_ZONE, ...Intl.supportedValuesOf("timeZone")])];

export function CreateLimit({ scope = "org", onClose }: { readonly scope?: string; readonly onClose: () => void }) {
  const form = useForm<Values>({
    initialValues: { scope, measure: "usd", amount: "", window: "month", mode: "hard", time_zone: "UTC" },
  });
  const create = useChange("createLimit", ["listLimits", "getSummary", "getUserSummary"], onClose);
  const { measure, window } = form.values;
  return (
    <FormModal
      title="Create a limit"
      action="Create"
      form={form}
      isBusy={create.isPending}
      error={create.error}
      onSubmit={({ time_zone, ...values }) => {
        const body = { ...values, amount: values.amount.trim(), ...(hasTimeZone(window) && { time_zone }) };
        create.mutate({ input: { body } }, { onError: fieldProblems(form) });
      }}
      onClose={onClose}
    >
      <ScopeInput label="For" kinds={SCOPE_KINDS} {...form.getInputProps("scope")} />
      <Stack gap={4}>
        <Text size="sm" fw={500} id="new-limit-measure">
          Counted in
        </Text>
        <SegmentedControl aria-labelledby="new-limit-measure" data={[...MEASURES]} {...form.getInputProps("measure")} />
      </Stack>
      <TextInput
        label="Amount"
        description={measure === "usd" ? "In US dollars, such as 25.00" : `A whole number of ${measure}`}
        inputMode="decimal"
        autoComplete="off"
        {...form.getInputProps("amount")}
      />
      <NativeSelect label="It may be used" data={WINDOWS} {...form.getInputProps("window")} />
      {hasTimeZone(window) && (
        <NativeSelect label="By the calendar of" data={ZONES} {...form.getInputProps("time_zone")} />
      )}
      <ModeInput {...form.getInputProps("mode")} />
    </FormModal>
  );
}
