import { Code, Stack, Text } from "@mantine/core";
import type { Decision } from "@tollhouse/contract/control-client";
import { USAGE_WORDS } from "../../parts/call-words.ts";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { formatCount } from "../../parts/format.ts";
import { Money } from "../../parts/money.tsx";
import { Panel } from "../../parts/panel.tsx";

const SOURCES: Readonly<Record<string, string>> = {
  reported: "As the provider reported it.",
  counted: "Counted by Tollhouse from what came back, because the provider did not say.",
  estimated: "Estimated: settled at what was reserved, because nobody could say.",
  unknown: "Not known.",
};

interface Used {
  readonly name: string;
  readonly units: number;
}

const COLUMNS: readonly Column<Used>[] = [
  { header: "Used", cell: ({ name }) => USAGE_WORDS[name] ?? name.replaceAll("_", " ") },
  { header: "Units", isNumber: true, cell: ({ units }) => formatCount(units) },
];

/** What was used, where that is known from, and by what it was priced. */
export function CallUsage({ decision: { usage, usage_source, price, cost, doubt } }: { readonly decision: Decision }) {
  const used = Object.entries(usage ?? {}).flatMap(([name, units]) => (units === undefined ? [] : [{ name, units }]));
  return (
    <Panel title="What was used">
      <Stack gap="sm">
        <DataTable
          caption="Usage by class"
          columns={COLUMNS}
          rows={used}
          keyOf={({ name }) => name}
          empty={
            <Text size="sm" c="dimmed">
              {usage_source === null ? "Nothing was used." : "What was used is not known."}
            </Text>
          }
        />
        {usage_source !== null && <Text size="sm">{SOURCES[usage_source] ?? usage_source}</Text>}
        {doubt !== null && <Text size="sm">In doubt: {doubt}</Text>}
        {price !== null && (
          <Text size="sm">
            Priced at <Money usd={cost} /> by the row {price.row === null ? "of no name" : <Code>{price.row}</Code>} of
            the price book <Code>{price.version}</Code>.
          </Text>
        )}
      </Stack>
    </Panel>
  );
}
