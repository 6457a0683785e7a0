import { Code, Stack, Text } from "@mantine/core";
import type { Decision } from "@tollhouse/contract/control-client";
import { USAGE_WORDS } from "../../parts/call-words.ts";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { formatCount, formatExactUsd } from "../../parts/format.ts";
import { Panel } from "../../parts/panel.tsx";
import { shownPrice } from "../../parts/pico.ts";

const SOURCES: Readonly<Record<string, string>> = {
  reported: "As the provider reported it.",
  counted: "Counted by Tollhouse from what came back, because the provider did not say.",
  estimated: "Estimated: settled at what was reserved, because nobody could say.",
  unknown: "Not known.",
};

type Price = NonNullable<Decision["price"]>;
type Line = NonNullable<Price["lines"]>[number];

interface Used {
  /** null: the fee of the call itself. */
  readonly name: string | null;
  readonly units: number;
  /** null: by what it was priced is not known any more. */
  readonly line: Line | null;
}

const USED: readonly Column<Used>[] = [
  { header: "Used", cell: ({ name }) => (name === null ? "The call itself" : usageWords(name)) },
  { header: "Units", isNumber: true, cell: ({ units }) => formatCount(units) },
];
const PRICED: readonly Column<Used>[] = [
  ...USED,
  { header: "Price", isNumber: true, cell: ({ line }) => line !== null && priceWords(line) },
];
const COST: Column<Used> = {
  header: "Cost",
  isNumber: true,
  cell: ({ line }) => line !== null && formatExactUsd(line.amount),
};
const FACTOR: Column<Used> = {
  header: "Times",
  isNumber: true,
  cell: ({ line }) => (line === null ? "" : line.factor.replace(/\/1$/, "")),
};

function usageWords(name: string): string {
  return USAGE_WORDS[name] ?? name.replaceAll("_", " ");
}

function priceWords({ class: usageClass, price }: Line): string {
  const { usd, per } = shownPrice(usageClass ?? "call", price);
  return `${usd} ${per}`;
}

/** What was used, where that is known from, and what each class of it cost. */
export function CallUsage({ decision }: { readonly decision: Decision }) {
  const { usage, usage_source, price, doubt } = decision;
  const lines = price?.lines ?? null;
  const used = lines === null ? unpriced(usage) : lines.map((line) => ({ name: line.class, units: line.units, line }));
  const isMultiplied = lines?.some(({ factor }) => factor !== "1/1") === true;
  return (
    <Panel title="What was used, and what it cost">
      <Stack gap="sm">
        <DataTable
          caption="Usage by class"
          columns={lines === null ? USED : [...PRICED, ...(isMultiplied ? [FACTOR] : []), COST]}
          rows={used}
          keyOf={({ name }) => name ?? "call"}
          empty={
            <Text size="sm" c="dimmed">
              {usage_source === null ? "Nothing was used." : "What was used is not known."}
            </Text>
          }
        />
        {isMultiplied && (
          <Text size="sm">“Times” is what the service tier and the region multiply the price of tokens by.</Text>
        )}
        {usage_source !== null && <Text size="sm">{SOURCES[usage_source] ?? usage_source}</Text>}
        {doubt !== null && <Text size="sm">In doubt: {doubt}</Text>}
        {price !== null && <PricedBy price={price} cost={decision.cost} />}
      </Stack>
    </Panel>
  );
}

function unpriced(usage: Decision["usage"]): Used[] {
  return Object.entries(usage ?? {}).flatMap(([name, units]) =>
    units === undefined ? [] : [{ name, units, line: null }],
  );
}

function PricedBy({ price: { row, version, lines }, cost }: { readonly price: Price; readonly cost: string | null }) {
  const amount = cost === null ? "an amount that is not known" : formatExactUsd(cost);
  if (row === null)
    return (
      <Text size="sm">
        It cost {amount}, by the price book <Code>{version}</Code>. Another one is in force now: its rows are not those
        of then.
      </Text>
    );
  return (
    <Text size="sm">
      It cost {amount}
      {lines === null
        ? ", which is not units times prices: see above where the amount is from. The row in force was"
        : " in all, rounded once, by the row"}{" "}
      <Code>{row}</Code> of the price book <Code>{version}</Code>.
    </Text>
  );
}
