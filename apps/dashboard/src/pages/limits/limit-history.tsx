import { Text } from "@mantine/core";
import type { AuditPage, Limit } from "@tollhouse/contract/control-client";
import { Actor } from "../../parts/actor.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { usePages } from "../../api/use-operation.ts";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { formatAmount, formatLimit, type Measure } from "../../parts/limit-words.ts";
import { Moment } from "../../parts/moment.tsx";
import { Scope } from "../../parts/scope.tsx";

type Made = AuditPage["changes"][number];

/** Who made a limit what it is, from the ledger. */
export function LimitHistory({ limit, onClose }: { readonly limit: Limit; readonly onClose: () => void }) {
  const changes = usePages("listAudit", { query: { subject: limit.id } }, (page) => page.changes);
  return (
    <Dialog onClose={onClose} size="lg" title="History of a limit">
      <Text size="sm" mb="md">
        <Scope scope={limit.scope} />: {formatLimit(limit)}, version {limit.version}
      </Text>
      <DataTable
        caption="Changes of this limit"
        columns={columnsOf(limit.measure)}
        keyOf={({ id }) => id}
        empty={<Text size="sm">Nothing of it stands in the ledger yet: a change takes a second to get there.</Text>}
        {...changes}
      />
    </Dialog>
  );
}

function columnsOf(measure: Measure): readonly Column<Made>[] {
  return [
    { header: "When", cell: ({ time }) => <Moment at={time} /> },
    { header: "Who", cell: ({ actor }) => <Actor actor={actor} /> },
    { header: "Before", cell: ({ before }) => stateWords(measure, before) },
    { header: "After", cell: ({ after }) => stateWords(measure, after) },
  ];
}

function stateWords(measure: Measure, state: unknown): string {
  if (typeof state !== "object" || state === null) return "not there";
  const { amount, mode } = state as { readonly amount?: unknown; readonly mode?: unknown };
  return `${typeof amount === "string" ? formatAmount(measure, amount) : "?"}, ${typeof mode === "string" ? mode : "?"}`;
}
