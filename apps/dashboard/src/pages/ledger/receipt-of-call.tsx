import { Button, Code, Group, Text, TextInput } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { Receipt } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { useOperation } from "../../api/use-operation.ts";
import { Facts } from "../../parts/facts.tsx";
import { formatCount } from "../../parts/format.ts";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { saveText } from "../../parts/save-text.ts";
import { Section } from "../../parts/section.tsx";

/** The proof that one call is in the chain. Which call, stands in the address, so that a call's page can lead here. */
export function ReceiptOfCall() {
  const { receipt: decision } = useSearch({ from: "/ledger" });
  const navigate = useNavigate({ from: "/ledger" });
  const [asked, setAsked] = useState(decision ?? "");
  const receipt = useOperation("getReceipt", { params: { id: decision ?? "" } }, { enabled: decision !== undefined });
  return (
    <Section
      title="Receipt of a call"
      about="The ledger's entry of one call, with the proof that it is in the chain: for somebody who has nothing but it and the public key."
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void navigate({ search: (before) => ({ ...before, receipt: asked.trim() }), resetScroll: false });
        }}
      >
        <Group align="end" gap="sm">
          <TextInput
            label="Decision"
            placeholder="dec_…"
            description="Of the header x-tollhouse-decision, or of the call's page"
            flex={1}
            miw={240}
            maw={420}
            value={asked}
            onChange={({ currentTarget }) => setAsked(currentTarget.value)}
          />
          <Button type="submit" variant="default" disabled={asked.trim() === ""}>
            Show the receipt
          </Button>
        </Group>
      </form>
      <ProblemAlert error={receipt.error} />
      {decision !== undefined && receipt.data !== undefined && <Shown receipt={receipt.data} />}
    </Section>
  );
}

function Shown({ receipt }: { readonly receipt: Receipt }) {
  const { decision, sequence, entry, proof } = receipt;
  const name = `receipt-${decision}.json`;
  return (
    <>
      <Facts
        of={[
          ["Decision", <Code key="decision">{decision}</Code>],
          ["Entry", formatCount(sequence)],
          ["Hash", <Code key="hash">{entry.entry_hash}</Code>],
          ["Proof", `${proof.length} hashes up to the signed root`],
        ]}
      />
      <Group>
        <Button
          variant="default"
          onClick={() => saveText(name, `${JSON.stringify(receipt, null, 2)}\n`, "application/json")}
        >
          Download the receipt
        </Button>
        <Text size="sm">
          Check it anywhere: <Code>tollhouse ledger verify {name}</Code>
        </Text>
      </Group>
    </>
  );
}
