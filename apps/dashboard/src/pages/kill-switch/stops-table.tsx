import { Button } from "@mantine/core";
import type { Block } from "@tollhouse/contract/control-client";
import type { ReactNode } from "react";
import { Actor } from "../../parts/actor.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Scope } from "../../parts/scope.tsx";
import { StateBadge } from "../../parts/state-badge.tsx";

interface StopsTableProps {
  readonly caption: string;
  /** Absent while they are asked for. */
  readonly stops: readonly Block[] | undefined;
  readonly error: Error | null;
  /** Asks for older ones; null or absent: there are none. */
  readonly more?: (() => void) | null;
  readonly isLoadingMore?: boolean;
  readonly empty: ReactNode;
  /** null: the viewer may not. */
  readonly lift: ((stop: Block) => void) | null;
  readonly liftLabel: string;
}

/** What stops calls, those in force first; then those that ended by themselves of late. */
export function StopsTable({ caption, stops, lift, liftLabel, ...table }: StopsTableProps) {
  const rows = (stops ?? []).toSorted((a, b) => Number(isOver(a)) - Number(isOver(b)) || compare(b, a));
  return (
    <DataTable
      caption={caption}
      columns={columnsOf(lift, liftLabel)}
      rows={rows}
      keyOf={({ id }) => id}
      isPending={stops === undefined}
      {...table}
    />
  );
}

function isOver({ state }: Block): boolean {
  return state === "expired";
}

function compare(a: Block, b: Block): number {
  return Date.parse(a.created_at) - Date.parse(b.created_at);
}

function columnsOf(lift: ((stop: Block) => void) | null, label: string): readonly Column<Block>[] {
  return [
    { header: "Who", cell: ({ scope }) => <Scope scope={scope} /> },
    { header: "State", cell: (stop) => <StopState stop={stop} /> },
    { header: "Why", isProse: true, cell: ({ reason }) => reason },
    { header: "By", cell: ({ operator }) => <Actor actor={operator} /> },
    { header: "Since", cell: ({ created_at }) => <Moment at={created_at} /> },
    { header: "Ends", cell: ({ expires_at }) => <Moment at={expires_at} otherwise="when somebody lifts it" /> },
    {
      header: "Actions",
      isHeaderHidden: true,
      cell: (stop) =>
        lift !== null &&
        !isOver(stop) && (
          <Button size="compact-sm" variant="default" aria-label={`${label} ${stop.scope}`} onClick={() => lift(stop)}>
            {label}
          </Button>
        ),
    },
  ];
}

function StopState({ stop }: { readonly stop: Block }) {
  return <StateBadge tone={isOver(stop) ? "quiet" : "bad"}>{isOver(stop) ? "over" : "stopped"}</StateBadge>;
}
