import { Code, Stack, Text } from "@mantine/core";
import type { Price } from "@tollhouse/contract/control-client";
import type { Column } from "../../parts/data-table.tsx";
import { formatCount } from "../../parts/format.ts";
import { Moment } from "../../parts/moment.tsx";
import { Money } from "../../parts/money.tsx";
import { shownPrice } from "./pico.ts";

/** The two that everybody compares by have columns of their own. */
const MAIN = ["input", "output"];

export const PRICE_COLUMNS: readonly Column<Price>[] = [
  {
    header: "Model",
    cell: ({ model, match }) => (
      <Stack gap={0}>
        <Code>{model}</Code>
        {match !== "exact" && (
          <Text size="xs" c="dimmed">
            and what begins with it
          </Text>
        )}
      </Stack>
    ),
  },
  { header: "Provider", cell: ({ provider }) => provider },
  { header: "Input, a million", isNumber: true, cell: ({ prices }) => <Main name="input" prices={prices} /> },
  { header: "Output, a million", isNumber: true, cell: ({ prices }) => <Main name="output" prices={prices} /> },
  { header: "Others", cell: (price) => <Others price={price} /> },
  { header: "Context", isNumber: true, cell: ({ context_window }) => count(context_window) },
  { header: "Output at most", isNumber: true, cell: ({ output_max }) => count(output_max) },
  { header: "Valid", cell: (price) => <Validity price={price} /> },
];

function count(tokens: number | null): string {
  return tokens === null ? "–" : formatCount(tokens);
}

function Main({ name, prices }: { readonly name: string; readonly prices: Price["prices"] }) {
  const pico = prices[name];
  return pico === undefined ? <>–</> : <Money usd={shownPrice(name, pico).usd} />;
}

/** Other classes, what is dearer from a number of input tokens on, and what tiers and regions multiply by. */
function Others({ price: { prices, bands, tiers, geo } }: { readonly price: Price }) {
  const classes = Object.entries(prices).filter(([name]) => !MAIN.includes(name));
  return (
    <Stack gap={0}>
      {classes.map(([name, pico]) => (
        <PriceLine key={name} name={name} pico={pico} />
      ))}
      {bands.map(({ above_input_tokens, prices: dearer }) => (
        <Text size="sm" key={above_input_tokens}>
          above {formatCount(above_input_tokens)} input tokens:{" "}
          {Object.entries(dearer)
            .map(([name, pico]) => `${shownPrice(name, pico).name} $${shownPrice(name, pico).usd}`)
            .join(", ")}
        </Text>
      ))}
      {[...Object.entries(tiers), ...Object.entries(geo)].map(([name, ratio]) => (
        <Text size="sm" key={name}>
          {name}: × {ratio.replace(/\/1$/, "")}
        </Text>
      ))}
    </Stack>
  );
}

function PriceLine({ name, pico }: { readonly name: string; readonly pico: string }) {
  const { name: called, usd, per } = shownPrice(name, pico);
  return (
    <Text size="sm">
      {called}: <Money usd={usd} /> {per}
    </Text>
  );
}

function Validity({ price: { valid_from, valid_to } }: { readonly price: Price }) {
  if (valid_from === null && valid_to === null) return <>always</>;
  return (
    <Stack gap={0}>
      {valid_from !== null && (
        <span>
          from <Moment at={valid_from} />
        </span>
      )}
      {valid_to !== null && (
        <span>
          until <Moment at={valid_to} />
        </span>
      )}
    </Stack>
  );
}
