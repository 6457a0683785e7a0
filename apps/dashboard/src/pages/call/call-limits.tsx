import { Badge, Stack, Text } from "@mantine/core";
import type { Decision } from "@tollhouse/contract/control-client";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { LimitBar } from "../../parts/limit-bar.tsx";
import { formatAmount, WINDOW_WORDS } from "../../parts/limit-words.ts";
import { Panel } from "../../parts/panel.tsx";
import { Scope } from "../../parts/scope.tsx";

type LookedAt = Decision["limits"][number];

const COLUMNS: readonly Column<LookedAt>[] = [
  {
    header: "Limit",
    cell: ({ scope, window, deciding }) => (
      <Stack gap={2} align="start">
        <span>
          <Scope scope={scope} /> {WINDOW_WORDS[window]}
        </span>
        {deciding && (
          <Badge color="red" variant="light" miw="max-content">
            decided
          </Badge>
        )}
      </Stack>
    ),
  },
  { header: "Mode", cell: ({ at_decision }) => at_decision.mode },
  {
    header: "At the decision",
    cell: ({ scope, measure, at_decision }) => (
      <LimitBar label={`${scope} at the decision`} measure={measure} amount={at_decision.amount} state={at_decision} />
    ),
  },
  {
    header: "Now",
    cell: ({ scope, measure, now }) =>
      now === null ? (
        "no longer there"
      ) : (
        <LimitBar label={`${scope} now`} measure={measure} amount={now.amount} state={now} />
      ),
  },
];

interface CallLimitsProps {
  readonly limits: readonly LookedAt[];
  /** What the call needed where it was refused for it. */
  readonly required: string | null;
}

export function CallLimits({ limits, required }: CallLimitsProps) {
  const measure = limits.find(({ deciding }) => deciding)?.measure;
  return (
    <Panel title="Limits that were looked at">
      {required !== null && measure !== undefined && (
        <Text size="sm" mb="sm">
          The call needed {formatAmount(measure, required)} at most.
        </Text>
      )}
      <DataTable
        caption="Limits that were looked at"
        columns={COLUMNS}
        rows={limits}
        keyOf={({ id }) => id}
        empty={
          <Text size="sm" c="dimmed">
            None: no limit was made for anything of this call, or it was blocked before they were looked at.
          </Text>
        }
      />
    </Panel>
  );
}
