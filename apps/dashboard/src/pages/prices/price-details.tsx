import { Stack, Text } from "@mantine/core";
import type { Price } from "@tollhouse/contract/control-client";
import type { ReactNode } from "react";
import { Dialog } from "../../parts/dialog.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { Facts } from "../../parts/facts.tsx";
import { formatCount } from "../../parts/format.ts";
import { Moment } from "../../parts/moment.tsx";
import { shownPrice } from "../../parts/pico.ts";

interface Row {
  readonly usageClass: string;
  readonly pico: string;
  /** null: from the first token on. */
  readonly aboveInput: number | null;
}

const COLUMNS: readonly Column<Row>[] = [
  { header: "What", cell: ({ usageClass, pico }) => shownPrice(usageClass, pico).name },
  { header: "Price", isNumber: true, cell: ({ usageClass, pico }) => shownPrice(usageClass, pico).usd },
  { header: "For", cell: ({ usageClass, pico }) => shownPrice(usageClass, pico).per },
];
const WHEN: Column<Row> = {
  header: "When",
  cell: ({ aboveInput }) => (aboveInput === null ? "always" : `above ${formatCount(aboveInput)} input tokens`),
};

/** One row of the book, whole. */
export function PriceDetails({ price, onClose }: { readonly price: Price; readonly onClose: () => void }) {
  const { model, provider, prices, bands } = price;
  const rows = [...rowsOf(prices, null), ...bands.flatMap((band) => rowsOf(band.prices, band.above_input_tokens))];
  return (
    <Dialog onClose={onClose} size="lg" title={`${model} at ${provider}`}>
      <Stack>
        <DataTable
          caption={`Prices of ${model}`}
          columns={bands.length === 0 ? COLUMNS : [...COLUMNS, WHEN]}
          rows={rows}
          keyOf={({ usageClass, aboveInput }) => `${usageClass} ${aboveInput ?? ""}`}
          empty={<Text size="sm">Calls of it cost nothing.</Text>}
        />
        <Facts of={factsOf(price)} />
      </Stack>
    </Dialog>
  );
}

function rowsOf(prices: Price["prices"], aboveInput: number | null): Row[] {
  return Object.entries(prices).map(([usageClass, pico]) => ({ usageClass, pico, aboveInput }));
}

function factsOf({ tiers, geo, valid_from, valid_to, id }: Price): [string, ReactNode][] {
  return [
    ["Service tiers", factorsOf(tiers)],
    ["Regions", factorsOf(geo)],
    ["Valid from", <Moment key="from" at={valid_from} otherwise="always" />],
    ["Valid until", <Moment key="to" at={valid_to} otherwise="further notice" />],
    ["Row of the book", id],
  ];
}

/** What they multiply the price by; those at the same price in one word. */
function factorsOf(ratios: Readonly<Record<string, string>>): string {
  const entries = Object.entries(ratios);
  const same = entries.filter(([, ratio]) => isOne(ratio)).map(([name]) => name);
  const other = entries.filter(([, ratio]) => !isOne(ratio)).map(([name, ratio]) => `${name} × ${inWords(ratio)}`);
  const parts = [...other, ...(same.length === 0 ? [] : [`the same price for ${same.join(", ")}`])];
  return parts.length === 0 ? "none" : parts.join("; ");
}

function isOne(ratio: string): boolean {
  const [numerator, denominator = "1"] = ratio.split("/");
  return numerator === denominator;
}

function inWords(ratio: string): string {
  return ratio.replace(/\/1$/, "");
}
