import { Badge } from "@mantine/core";
import type { Decision } from "@tollhouse/contract/control-client";
import { titleOf } from "../../parts/call-outcome.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { Panel } from "../../parts/panel.tsx";

type Step = Decision["steps"][number];

const NAMES: Readonly<Record<string, string>> = {
  identity: "Who calls",
  kill_switch: "Kill switches",
  blocklist: "Blocklist and frozen sessions",
  rate_limit: "Rate of the key",
  policy: "Models and features of the policy",
  call_caps: "Caps on one call",
  price: "Is the price known",
  anomaly: "Anomaly rules",
  limits: "All limits at once",
};
const RESULTS: Readonly<Record<Step["result"], { readonly label: string; readonly color: string }>> = {
  passed: { label: "passed", color: "toll" },
  blocked: { label: "blocked", color: "red" },
  not_reached: { label: "not reached", color: "gray" },
  not_recorded: { label: "not recorded", color: "gray" },
};
const COLUMNS: readonly Column<Step>[] = [
  { header: "Step", cell: ({ step, name }) => `${step}. ${NAMES[name] ?? name}` },
  {
    header: "Result",
    cell: ({ result }) => (
      <Badge color={RESULTS[result].color} variant="light" miw="max-content">
        {RESULTS[result].label}
      </Badge>
    ),
  },
  { header: "Why", cell: ({ reason_code }) => (reason_code === null ? "" : titleOf(reason_code)) },
];

/** The first step that blocks decides; the rest is not reached. */
export function CallSteps({ steps }: { readonly steps: Decision["steps"] }) {
  return (
    <Panel title="How it was decided">
      <DataTable
        caption="Steps of the decision"
        columns={COLUMNS}
        rows={steps}
        keyOf={({ name }) => name}
        empty="No step was recorded."
      />
    </Panel>
  );
}
