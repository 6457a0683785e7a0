import { Button, Code, Group, NumberInput } from "@mantine/core";
import { targetOf } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { usePlace } from "../../app/place.ts";
import { Section } from "../../parts/section.tsx";

/** A download that the browser does by itself: it may be gigabytes. */
export function ExportLedger() {
  const always = usePlace();
  const [from, setFrom] = useState<number | string>("");
  const [to, setTo] = useState<number | string>("");
  const query = { ...(typeof from === "number" && { from }), ...(typeof to === "number" && { to }) };
  return (
    <Section
      title="Export"
      about={
        <>
          Entries as they were hashed, with the checkpoints that cover them. Whoever has the file and the public key
          verifies it alone: <Code>tollhouse ledger verify FILE --key KEY</Code>, or with the verifiers in Python and
          Go.
        </>
      }
    >
      <Group align="end" gap="sm">
        <SequenceInput label="From entry" description="Empty: the first" value={from} onChange={setFrom} />
        <SequenceInput label="To entry" description="Empty: the newest" value={to} onChange={setTo} />
        <Button
          component="a"
          href={targetOf("exportLedger", { query }, always)}
          download="ledger.ndjson"
          variant="default"
        >
          Download
        </Button>
      </Group>
    </Section>
  );
}

interface SequenceInputProps {
  readonly label: string;
  readonly description: string;
  readonly value: number | string;
  readonly onChange: (value: number | string) => void;
}

function SequenceInput(props: SequenceInputProps) {
  return <NumberInput {...props} w={150} min={1} allowDecimal={false} allowNegative={false} hideControls />;
}
