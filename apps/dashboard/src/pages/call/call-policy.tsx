import { Code, Stack, Text } from "@mantine/core";
import type { Decision } from "@tollhouse/contract/control-client";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { Facts } from "../../parts/facts.tsx";
import { formatCount } from "../../parts/format.ts";
import { Panel } from "../../parts/panel.tsx";

type Policy = NonNullable<Decision["policy"]>;
type Value = Policy["values"][number];

const COLUMNS: readonly Column<Value>[] = [
  { header: "Setting", cell: ({ setting }) => <Code>{setting}</Code> },
  { header: "Given by", cell: ({ policy, version }) => `${policy}, version ${version}` },
];

/** Which policy gave each value that was in force. */
export function CallPolicy({ policy }: { readonly policy: Policy }) {
  const { plan, asked_model, output_limit, alerts, observed, values } = policy;
  return (
    <Panel title="Policies in force">
      <Stack gap="sm">
        <Facts
          of={[
            ["Plan", plan ?? "none"],
            ["Asked for", asked_model === null ? "the same model" : <Code key="model">{asked_model}</Code>],
            ["Output cut to", output_limit === null ? "not cut" : `${formatCount(output_limit)} tokens a choice`],
            ["Alerts", alerts.length === 0 ? "none" : alerts.join(", ")],
          ]}
        />
        <DataTable
          caption="Values that policies gave"
          columns={COLUMNS}
          rows={values}
          keyOf={({ setting, policy: by, version }) => `${setting} ${by} ${version}`}
          empty={
            <Text size="sm" c="dimmed">
              No policy set anything for this call.
            </Text>
          }
        />
        {observed !== null && (
          <Text size="sm">
            Were the policies in observe mode enforced, it would have been{" "}
            {observed.outcome === "block" ? "blocked" : observed.outcome}
            {observed.reason_code !== null && <Code ml={4}>{observed.reason_code}</Code>}.
          </Text>
        )}
      </Stack>
    </Panel>
  );
}
