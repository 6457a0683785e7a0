import { Anchor, NativeSelect } from "@mantine/core";
import type { Answer } from "@tollhouse/contract/control-client";
import { Link } from "@tanstack/react-router";
import { useOperation } from "../../api/use-operation.ts";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { formatCount } from "../../parts/format.ts";
import { groupLabel, GROUPS, isGroup, type Group } from "../../parts/groups.ts";
import { Money } from "../../parts/money.tsx";
import { Panel } from "../../parts/panel.tsx";
import { spanOf, type Range } from "../../parts/range.ts";

type Row = Answer<"getUsage">["rows"][number];
const ROWS = "8";

interface SpendByProps {
  readonly range: Range;
  readonly by: Group;
  readonly onBy: (group: Group) => void;
}

/** What costs most, by any dimension; a row leads to its parts. */
export function SpendBy({ range, by, onBy }: SpendByProps) {
  const { from } = spanOf(range, new Date());
  const { data, error, isPending, isPlaceholderData } = useOperation("getUsage", {
    query: { from, group_by: by, order: "cost", limit: Number(ROWS) },
  });
  return (
    <Panel
      title="What costs most"
      actions={
        <NativeSelect
          size="xs"
          aria-label="By"
          value={by}
          data={GROUPS.map(({ value, label }) => ({ value, label: `by ${label.toLowerCase()}` }))}
          onChange={({ currentTarget: { value } }) => isGroup(value) && onBy(value)}
        />
      }
    >
      <DataTable
        caption={`What costs most, by ${groupLabel(by).toLowerCase()}`}
        columns={columnsOf(by, range)}
        rows={data?.rows ?? []}
        keyOf={(row) => row[by] ?? ""}
        // Rows of another axis have no value of this one.
        isPending={isPending || isPlaceholderData}
        error={error}
        empty={<EmptyState title="No calls in this time">Look further back, or make a call.</EmptyState>}
      />
    </Panel>
  );
}

function columnsOf(by: Group, range: Range): readonly Column<Row>[] {
  return [
    {
      header: groupLabel(by),
      cell: (row) => {
        const value = row[by] ?? null;
        return (
          <Anchor
            size="sm"
            renderRoot={(props) => <Link {...props} to="/explore" search={{ range, [by]: value ?? "" }} />}
          >
            {value ?? "none named"}
          </Anchor>
        );
      },
    },
    { header: "Calls", isNumber: true, cell: ({ calls }) => formatCount(calls) },
    { header: "Blocked", isNumber: true, cell: ({ blocked }) => formatCount(blocked) },
    { header: "Cost", isNumber: true, cell: ({ cost }) => <Money usd={cost} /> },
  ];
}
