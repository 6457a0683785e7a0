import { Code, Stack, Text } from "@mantine/core";
import type { Decision } from "@tollhouse/contract/control-client";
import { Facts } from "../../parts/facts.tsx";
import { formatCount } from "../../parts/format.ts";
import { Panel } from "../../parts/panel.tsx";

export function LedgerEntry({ entry: { sequence, hash } }: { readonly entry: Decision["entry"] }) {
  return (
    <Panel title="In the ledger">
      <Stack gap="sm">
        <Facts
          of={[
            ["Entry", formatCount(sequence)],
            ["Hash", <Code>{hash}</Code>],
          ]}
        />
        <Text size="sm">
          The receipt proves this entry to whoever has the public key alone:{" "}
          <Code>tollhouse ledger verify RECEIPT</Code>. It is there once a checkpoint covers the entry, within a minute.
        </Text>
      </Stack>
    </Panel>
  );
}
