import { Button, Group, TextInput } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { Receipt } from "../../parts/receipt.tsx";
import { Section } from "../../parts/section.tsx";

/** The proof that one call is in the chain. Which call, stands in the address, so that a call's page can lead here. */
export function ReceiptOfCall() {
  const { receipt: decision } = useSearch({ from: "/ledger" });
  const navigate = useNavigate({ from: "/ledger" });
  const [asked, setAsked] = useState(decision ?? "");
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
      {decision !== undefined && <Receipt key={decision} decision={decision} />}
    </Section>
  );
}
