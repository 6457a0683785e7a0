import type { RunningCall } from "@tollhouse/contract/control-client";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { Moment } from "../../parts/moment.tsx";

const COLUMNS: readonly Column<RunningCall>[] = [
  { header: "Model", cell: ({ model }) => model },
  { header: "Session", cell: ({ session }) => session ?? "–" },
  { header: "Agent", cell: ({ agent }) => agent ?? "–" },
  { header: "Since", cell: ({ started_at }) => <Moment at={started_at} /> },
];

/** The oldest of the calls that would be ended. */
export function RunningCalls({ calls }: { readonly calls: readonly RunningCall[] }) {
  return (
    <DataTable
      caption="Running calls that would be ended, the oldest first"
      columns={COLUMNS}
      rows={calls}
      keyOf={({ decision }) => decision}
      empty={null}
    />
  );
}
