import { Button, Group, NumberInput, Switch, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { PayloadLogging as Logging } from "@tollhouse/contract/control-client";
import { useMay } from "../../api/session.ts";
import { useChange, useOperation } from "../../api/use-operation.ts";
import { fieldProblems, namesFieldOf } from "../../parts/form-modal.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { Section } from "../../parts/section.tsx";

/** Whether texts of calls are kept, and for how long: off, unless somebody says otherwise. */
export function PayloadLogging() {
  const { data, error } = useOperation("getPayloadLogging", {});
  return (
    <Section
      title="Texts of calls"
      about="Requests and answers that are recorded by the SDK are kept only where this is on: sealed, apart from the ledger, and deleted after their time."
    >
      <ProblemAlert error={error} />
      {data !== undefined && <LoggingForm key={`${data.environment} ${data.version}`} logging={data} />}
    </Section>
  );
}

function LoggingForm({ logging }: { readonly logging: Logging }) {
  const mayChange = useMay("own");
  const form = useForm({ initialValues: { enabled: logging.enabled, retention_days: logging.retention_days } });
  const update = useChange("updatePayloadLogging", ["getPayloadLogging"]);
  if (!mayChange)
    return (
      <Text size="sm">
        {logging.enabled ? `Kept for ${logging.retention_days} days` : "Not kept"} in {logging.environment}. An owner
        can change it.
      </Text>
    );
  return (
    <form
      onSubmit={form.onSubmit((body) =>
        update.mutate({ input: { body }, version: logging.version }, { onError: fieldProblems(form) }),
      )}
    >
      <Group align="end" gap="lg">
        <Switch
          label={`Keep texts in ${logging.environment}`}
          {...form.getInputProps("enabled", { type: "checkbox" })}
        />
        <NumberInput
          label="For how many days"
          w={170}
          min={1}
          allowDecimal={false}
          allowNegative={false}
          {...form.getInputProps("retention_days")}
        />
        <Button type="submit" variant="default" loading={update.isPending} disabled={!form.isDirty()}>
          Save
        </Button>
      </Group>
      {!namesFieldOf(form, update.error) && <ProblemAlert error={update.error} />}
    </form>
  );
}
