import { Code, Stack, Text } from "@mantine/core";
import { Actor } from "../../parts/actor.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { differencesOf, type Difference } from "../../parts/differences.ts";
import { Facts } from "../../parts/facts.tsx";
import { formatCount } from "../../parts/format.ts";
import { Moment } from "../../parts/moment.tsx";
import type { AuditedChange } from "./audit-columns.tsx";

const COLUMNS: readonly Column<Difference>[] = [
  { header: "Field", cell: ({ field }) => <Code>{field}</Code> },
  { header: "Before", cell: ({ before }) => <Value text={before} /> },
  { header: "After", cell: ({ after }) => <Value text={after} /> },
];

function Value({ text }: { readonly text: string | null }) {
  return text === null ? (
    <Text span size="sm" c="dimmed">
      –
    </Text>
  ) : (
    <Text span size="sm" style={{ overflowWrap: "anywhere" }}>
      {text}
    </Text>
  );
}

/** All that one change did, and where it stands in the ledger. */
export function ChangeDetails({ change, onClose }: { readonly change: AuditedChange; readonly onClose: () => void }) {
  const { action, subject, actor, time, environment, sequence, entry_hash, before, after } = change;
  return (
    <Dialog onClose={onClose} size="lg" title={action ?? "Change"}>
      <Stack>
        <Facts
          of={[
            ["Who", <Actor key="actor" actor={actor} />],
            ["When", <Moment key="time" at={time} />],
            ["Of", subject === null ? "–" : <Code key="subject">{subject}</Code>],
            ["Environment", environment ?? "all"],
            ["Entry", formatCount(sequence)],
            ["Hash", <Code key="hash">{entry_hash}</Code>],
          ]}
        />
        <DataTable
          caption="What changed"
          columns={COLUMNS}
          rows={differencesOf(before, after)}
          keyOf={({ field }) => field}
          empty={<Text size="sm">Nothing that is kept of it changed.</Text>}
        />
      </Stack>
    </Dialog>
  );
}
