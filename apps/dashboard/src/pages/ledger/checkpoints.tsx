import { Badge, Button, Code, Text } from "@mantine/core";
import type { Checkpoint } from "@tollhouse/contract/control-client";
import { usePages } from "../../api/use-operation.ts";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { formatCount } from "../../parts/format.ts";
import { Moment } from "../../parts/moment.tsx";
import { saveText } from "../../parts/save-text.ts";
import { Section } from "../../parts/section.tsx";

const COLUMNS: readonly Column<Checkpoint>[] = [
  { header: "Entries", isNumber: true, cell: ({ size }) => formatCount(size) },
  { header: "Signed", cell: ({ made_at }) => <Moment at={made_at} /> },
  { header: "Root", cell: ({ root }) => <Code title={root}>{root.slice(0, 16)}…</Code> },
  {
    header: "Kept",
    cell: ({ first_of_month }) => first_of_month && <Badge variant="light">first of its month</Badge>,
  },
  {
    header: "Download",
    isHeaderHidden: true,
    cell: ({ size, note }) => (
      <Button
        size="compact-sm"
        variant="default"
        onClick={() => saveText(`checkpoint-${size}.txt`, note)}
        aria-label={`Download the checkpoint of ${size} entries`}
      >
        Download
      </Button>
    ),
  },
];

/** Signed roots of the chain, newest first. */
export function Checkpoints() {
  const checkpoints = usePages("listCheckpoints", { query: { limit: 10 } }, (page) => page.checkpoints);
  return (
    <Section
      title="Checkpoints"
      about="Signed roots of the chain. Keep one where nobody who runs Tollhouse can change it: it proves later that nothing before it was changed or cut."
    >
      <DataTable
        caption="Checkpoints"
        columns={COLUMNS}
        keyOf={({ size }) => String(size)}
        empty={<Text size="sm">None yet: the first one is signed within an hour of the first entry.</Text>}
        {...checkpoints}
      />
    </Section>
  );
}
