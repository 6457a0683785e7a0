import { Button, Code, Group, NumberInput, SegmentedControl, Text, TextInput } from "@mantine/core";
import { targetOf, type Query } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { usePlace } from "../../app/place.ts";
import { firstMomentOf } from "../../parts/local-input.ts";
import { Section } from "../../parts/section.tsx";

type Format = "ndjson" | "csv" | "parquet";

const FORMATS: readonly { readonly value: Format; readonly label: string }[] = [
  { value: "ndjson", label: "Chain" },
  { value: "csv", label: "CSV" },
  { value: "parquet", label: "Parquet" },
];

/** A download that the browser does by itself: it may be gigabytes. */
export function ExportLedger() {
  const [format, setFormat] = useState<Format>("ndjson");
  return (
    <Section
      title="Export"
      about="The chain itself, for whoever verifies it; or a table of its entries, for whoever counts."
    >
      <SegmentedControl
        data={[...FORMATS]}
        value={format}
        onChange={(value) => setFormat(value as Format)}
        aria-label="Format"
        w="fit-content"
      />
      {format === "ndjson" ? <ChainExport /> : <TableExport key={format} format={format} />}
    </Section>
  );
}

/** Of the whole tenant: a chain has no gaps where another environment's entries were. */
function ChainExport() {
  const { tenant } = usePlace();
  const [from, setFrom] = useState<number | string>("");
  const [to, setTo] = useState<number | string>("");
  const query = {
    ...(typeof from === "number" && { from }),
    ...(typeof to === "number" && { to }),
    ...(tenant !== undefined && { tenant }),
  };
  return (
    <>
      <Text size="sm">
        Entries as they were hashed, with the checkpoints that cover them. Whoever has the file and the public key
        verifies it alone: <Code>tollhouse ledger verify FILE --key KEY</Code>, or with the verifiers in Python and Go.
      </Text>
      <Group align="end" gap="sm">
        <SequenceInput label="From entry" description="Empty: the first" value={from} onChange={setFrom} />
        <SequenceInput label="To entry" description="Empty: the newest" value={to} onChange={setTo} />
        <Download query={query} file="ledger.ndjson" />
      </Group>
    </>
  );
}

function TableExport({ format }: { readonly format: "csv" | "parquet" }) {
  const place = usePlace();
  const [since, setSince] = useState("");
  const [until, setUntil] = useState("");
  const query = {
    ...place,
    format,
    ...(since !== "" && { since: firstMomentOf(since) }),
    ...(until !== "" && { until: firstMomentOf(until, 1) }),
  };
  return (
    <>
      <Text size="sm">
        A row for each entry
        {place["environment"] === undefined ? " of all environments" : ` of ${place["environment"]}`}. It is for
        counting: what proves something is the chain.
      </Text>
      <Group align="end" gap="sm">
        <DayInput label="From" value={since} onChange={setSince} />
        <DayInput label="To" value={until} onChange={setUntil} />
        <Download query={query} file={`ledger.${format}`} />
      </Group>
    </>
  );
}

function Download({ query, file }: { readonly query: Query; readonly file: string }) {
  return (
    <Button component="a" href={targetOf("exportLedger", { query })} download={file} variant="default">
      Download
    </Button>
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

interface DayInputProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function DayInput({ label, value, onChange }: DayInputProps) {
  return (
    <TextInput
      type="date"
      label={label}
      description="Empty: all"
      value={value}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    />
  );
}
