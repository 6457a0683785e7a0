import { Button, Group, Text } from "@mantine/core";
import type { AnomalyRule } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { useMay } from "../../api/session.ts";
import { useChange, useOperation } from "../../api/use-operation.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { formatCount } from "../../parts/format.ts";
import { Moment } from "../../parts/moment.tsx";
import { Section } from "../../parts/section.tsx";
import { AnomalyRuleForm } from "./anomaly-rule-form.tsx";
import { actionInWords, thresholdInWords } from "./anomaly-words.ts";

type Asked =
  | { readonly kind: "create" }
  | { readonly kind: "change"; readonly rule: AnomalyRule }
  | { readonly kind: "delete"; readonly rule: AnomalyRule }
  | null;

/** What counts as a loop, a burst, or spending too fast, and what follows. */
export function AnomalyRules() {
  const { data, error, isPending } = useOperation("listAnomalyRules", {});
  const [asked, setAsked] = useState<Asked>(null);
  const mayManage = useMay("manage");
  const close = () => setAsked(null);
  return (
    <Section
      title="Anomaly rules"
      about="What counts as a loop, a burst of requests, or spending too fast, and what follows."
      actions={
        mayManage && (
          <Button variant="default" onClick={() => setAsked({ kind: "create" })}>
            Add a rule
          </Button>
        )
      }
    >
      <DataTable
        caption="Anomaly rules"
        columns={columnsOf(mayManage, setAsked)}
        rows={data?.anomaly_rules ?? []}
        keyOf={({ id }) => id}
        empty={<Text size="sm">None: an agent that calls itself in a circle is stopped by its budget alone.</Text>}
        isPending={isPending}
        error={error}
      />
      {asked?.kind === "create" && <AnomalyRuleForm rule={null} onClose={close} />}
      {asked?.kind === "change" && <AnomalyRuleForm rule={asked.rule} onClose={close} />}
      {asked?.kind === "delete" && <DeleteRule rule={asked.rule} onClose={close} />}
    </Section>
  );
}

function columnsOf(mayManage: boolean, ask: (asked: Asked) => void): readonly Column<AnomalyRule>[] {
  return [
    { header: "When", isProse: true, cell: thresholdInWords },
    { header: "Then", isProse: true, cell: actionInWords },
    {
      header: "Triggered",
      cell: ({ triggered: { calls, last } }) => (
        <>
          {formatCount(calls)} times
          {last[0] !== undefined && (
            <Text size="xs" c="dimmed">
              last by {last[0].scope}, <Moment at={last[0].at} />
            </Text>
          )}
        </>
      ),
    },
    {
      header: "Actions",
      isHeaderHidden: true,
      cell: (rule) =>
        mayManage && (
          <Group gap="xs" wrap="nowrap" justify="flex-end">
            <Button
              size="compact-sm"
              variant="default"
              aria-label={`Change: ${thresholdInWords(rule)}`}
              onClick={() => ask({ kind: "change", rule })}
            >
              Change
            </Button>
            <Button
              size="compact-sm"
              variant="default"
              aria-label={`Delete: ${thresholdInWords(rule)}`}
              onClick={() => ask({ kind: "delete", rule })}
            >
              Delete
            </Button>
          </Group>
        ),
    },
  ];
}

function DeleteRule({ rule, onClose }: { readonly rule: AnomalyRule; readonly onClose: () => void }) {
  const remove = useChange("deleteAnomalyRule", ["listAnomalyRules"], onClose);
  return (
    <Confirm
      title="Delete this rule?"
      action="Delete"
      isBusy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate({ input: { params: { id: rule.id } } })}
      onClose={onClose}
    >
      {thresholdInWords(rule)}: nothing follows from it any more. Sessions that it froze stay frozen.
    </Confirm>
  );
}
