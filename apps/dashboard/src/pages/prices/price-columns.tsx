import { Button, Code, Stack, Text } from "@mantine/core";
import type { Price } from "@tollhouse/contract/control-client";
import type { Column } from "../../parts/data-table.tsx";
import { formatCount } from "../../parts/format.ts";
import { shownPrice } from "../../parts/pico.ts";

/** What everybody compares by; the rest of a row is a click away. */
export function priceColumns(show: (price: Price) => void): readonly Column<Price>[] {
  return [
    {
      header: "Model",
      cell: ({ model, match }) => (
        <Stack gap={0} align="start">
          {/* Names are as long as providers like: on one line they push "All prices" off the screen. */}
          <Code style={{ whiteSpace: "normal", overflowWrap: "anywhere" }}>{model}</Code>
          {match !== "exact" && (
            <Text size="xs" c="dimmed">
              and what begins with it
            </Text>
          )}
        </Stack>
      ),
    },
    { header: "Provider", cell: ({ provider }) => provider },
    million("Input", "input"),
    million("Cached input", "input_cache_read"),
    million("Output", "output"),
    { header: "Context", isNumber: true, cell: ({ context_window }) => tokens(context_window) },
    { header: "Output at most", isNumber: true, cell: ({ output_max }) => tokens(output_max) },
    {
      header: "Details",
      isHeaderHidden: true,
      cell: (price) => (
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => show(price)}
          aria-label={`All prices of ${price.model} at ${price.provider}`}
        >
          All prices
        </Button>
      ),
    },
  ];
}

function million(header: string, usageClass: string): Column<Price> {
  return {
    header: `${header}, a million`,
    isNumber: true,
    cell: ({ prices }) => {
      const pico = prices[usageClass];
      return pico === undefined ? "–" : shownPrice(usageClass, pico).usd;
    },
  };
}

function tokens(count: number | null): string {
  return count === null ? "–" : formatCount(count);
}
