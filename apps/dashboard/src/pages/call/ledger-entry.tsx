import { Button, Code, Group, Stack, Text } from "@mantine/core";
import type { Decision } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { Facts } from "../../parts/facts.tsx";
import { formatCount } from "../../parts/format.ts";
import { Panel } from "../../parts/panel.tsx";
import { Receipt } from "../../parts/receipt.tsx";

interface LedgerEntryProps {
  readonly decision: string;
  readonly entry: Decision["entry"];
}

export function LedgerEntry({ decision, entry: { sequence, hash } }: LedgerEntryProps) {
  // Asking for one has a checkpoint signed where none covers the entry yet: only where somebody wants it.
  const [isWanted, setWanted] = useState(false);
  return (
    <Panel title="In the ledger">
      {isWanted ? (
        <Receipt decision={decision} />
      ) : (
        <Stack gap="sm">
          <Facts
            of={[
              ["Entry", formatCount(sequence)],
              ["Hash", <Code>{hash}</Code>],
            ]}
          />
          <Text size="sm">
            A receipt proves this entry to whoever has the ledger&apos;s public key, and nothing else of this server.
          </Text>
          <Group>
            <Button variant="default" onClick={() => setWanted(true)}>
              Its receipt
            </Button>
          </Group>
        </Stack>
      )}
    </Panel>
  );
}
