import { Anchor, Text } from "@mantine/core";
import type { UsageReport } from "@tollhouse/contract/control-client";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { formatCount, formatShort } from "../../parts/format.ts";
import { groupLabel, type Group } from "../../parts/groups.ts";
import { Money } from "../../parts/money.tsx";
import { perMille } from "../../parts/share.ts";
import type { ComparedRow } from "./pivot.ts";

interface PivotTableProps {
  readonly by: Group;
  readonly rows: readonly ComparedRow[];
  readonly total: UsageReport["total"] | undefined;
  readonly isCompared: boolean;
  readonly isPending: boolean;
  readonly error: Error | null;
  /** Goes into the parts of one value. */
  readonly onOpen: (value: string) => void;
}

export function PivotTable({ by, rows, total, isCompared, isPending, error, onOpen }: PivotTableProps) {
  return (
    <>
      <DataTable
        caption={`Spend by ${groupLabel(by).toLowerCase()}`}
        columns={columnsOf({ by, total, isCompared, onOpen })}
        rows={rows}
        keyOf={({ value }) => value ?? ""}
        isPending={isPending}
        error={error}
        empty={<EmptyState title="No calls in this time">Look further back, or take a filter away.</EmptyState>}
      />
      {total !== undefined && rows.length > 0 && (
        <Text size="sm">
          In all: <Money usd={total.cost} /> for {formatCount(total.calls)} {total.calls === 1 ? "call" : "calls"}
          {total.blocked > 0 && `, ${formatCount(total.blocked)} blocked`}
          {total.cost_unknown > 0 && `; ${formatCount(total.cost_unknown)} calls without a known price are in no sum`}.
        </Text>
      )}
    </>
  );
}

type Columns = Pick<PivotTableProps, "by" | "total" | "isCompared" | "onOpen">;

function columnsOf({ by, total, isCompared, onOpen }: Columns): readonly Column<ComparedRow>[] {
  return [
    {
      header: groupLabel(by),
      cell: ({ value }) => (
        <Anchor component="button" type="button" size="sm" ta="left" onClick={() => onOpen(value ?? "")}>
          {value ?? "none named"}
        </Anchor>
      ),
    },
    // On a phone the first ones are seen: where the money goes.
    { header: "Cost", isNumber: true, cell: ({ now }) => <Money usd={now?.cost ?? "0"} /> },
    {
      header: "Share",
      isNumber: true,
      cell: ({ now }) => (total === undefined || now === null ? "–" : percent(perMille(now.cost, total.cost))),
    },
    ...(isCompared ? COMPARED : []),
    { header: "Calls", isNumber: true, cell: ({ now }) => formatCount(now?.calls ?? 0) },
    { header: "Blocked", isNumber: true, cell: ({ now }) => formatCount(now?.blocked ?? 0) },
    {
      header: "Tokens",
      isNumber: true,
      cell: ({ now }) => (
        <span title={`${formatCount(now?.input_tokens ?? 0)} in, ${formatCount(now?.output_tokens ?? 0)} out`}>
          {formatShort((now?.input_tokens ?? 0) + (now?.output_tokens ?? 0))}
        </span>
      ),
    },
  ];
}

const COMPARED: readonly Column<ComparedRow>[] = [
  { header: "Cost before", isNumber: true, cell: ({ before }) => <Money usd={before?.cost ?? "0"} /> },
  {
    header: "Change",
    isNumber: true,
    cell: ({ now, before }) => {
      if (before === null || !/[1-9]/.test(before.cost)) return now === null ? "–" : "new";
      const change = perMille(now?.cost ?? "0", before.cost) - 1000;
      return `${change > 0 ? "+" : ""}${percent(change)}`;
    },
  },
];

function percent(tenths: number): string {
  return `${(tenths / 10).toFixed(1)} %`;
}
