import type { Limit } from "@tollhouse/contract/control-client";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { LimitBar } from "../../parts/limit-bar.tsx";
import { formatLimit } from "../../parts/limit-words.ts";
import { Section } from "../../parts/section.tsx";
import { LimitMode } from "../limits/limit-mode.tsx";
import { Resets } from "../limits/resets.tsx";

interface OwnLimitsProps {
  /** `user:alice`. */
  readonly scope: string;
  readonly limits: readonly Limit[];
}

/** Limits that were made for this user or customer itself. */
export function OwnLimits({ scope, limits }: OwnLimitsProps) {
  return (
    <Section title="Limits of its own">
      <DataTable
        caption={`Limits of ${scope}`}
        columns={COLUMNS}
        rows={limits}
        keyOf={({ id }) => id}
        empty={
          <EmptyState isInner title="No limit of its own">
            Policies, its plan and the limits of whatever it belongs to still hold it.
          </EmptyState>
        }
      />
    </Section>
  );
}

const COLUMNS: readonly Column<Limit>[] = [
  { header: "May use", cell: (limit) => formatLimit(limit) },
  { header: "Mode", cell: ({ mode }) => <LimitMode mode={mode} /> },
  {
    header: "Used",
    cell: ({ scope, measure, amount, state }) => (
      <LimitBar label={scope} measure={measure} amount={amount} state={state} />
    ),
  },
  { header: "Starts anew", cell: ({ window, state }) => <Resets window={window} at={state.resets_at} /> },
];
