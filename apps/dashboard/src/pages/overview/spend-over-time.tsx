import { Center, Loader, Text } from "@mantine/core";
import { useOperation } from "../../api/use-operation.ts";
import { BarChart } from "../../parts/bar-chart.tsx";
import { formatCount, formatUsd } from "../../parts/format.ts";
import { Panel } from "../../parts/panel.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { spanOf, stepLabel, stepName, type Range } from "../../parts/range.ts";

const NOTHING = { cost: "0", calls: 0, blocked: 0 };

export function SpendOverTime({ range }: { readonly range: Range }) {
  const { from, steps, group } = spanOf(range, new Date());
  const { data, error, isPlaceholderData } = useOperation("getUsage", {
    query: { from, group_by: group, order: "group" },
  });
  const rows = new Map(
    (isPlaceholderData ? [] : (data?.rows ?? [])).map((row) => [stepName(new Date(row[group] ?? 0), group), row]),
  );
  const bars = steps.map((step) => {
    const { cost, calls, blocked } = rows.get(stepName(step, group)) ?? NOTHING;
    const refused = blocked === 0 ? "" : `, ${formatCount(blocked)} blocked`;
    return {
      label: stepLabel(step, group),
      amount: cost,
      words: `${formatUsd(cost)}, ${formatCount(calls)} calls${refused}`,
    };
  });
  return (
    <Panel title={group === "hour" ? "Spend by hour" : "Spend by day (UTC)"}>
      <ProblemAlert error={error} />
      {data === undefined && error === null && (
        <Center mih={224}>
          <Loader aria-label="Loading: spend over time" />
        </Center>
      )}
      {data !== undefined && <BarChart caption="Spend over time" measure="Spend" bars={bars} />}
      {data?.rows.length === 0 && (
        <Text size="sm" c="dimmed">
          No call in this time.
        </Text>
      )}
    </Panel>
  );
}
