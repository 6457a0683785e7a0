import { Anchor, Text } from "@mantine/core";
import type { Call } from "@tollhouse/contract/control-client";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { CallOutcome, titleOf } from "./call-outcome.tsx";
import { DIMENSIONS_SHOWN, tokensOf } from "./call-words.ts";
import { DataTable, type Column } from "./data-table.tsx";
import { formatCount } from "./format.ts";
import { Moment } from "./moment.tsx";
import { Money } from "./money.tsx";

interface CallsTableProps {
  readonly caption: string;
  readonly rows: readonly Call[];
  readonly empty: ReactNode;
  /** Only what fits beside something else. */
  readonly isShort?: boolean;
  readonly isPending?: boolean;
  readonly error?: Error | null;
  readonly more?: (() => void) | null;
  readonly isLoadingMore?: boolean;
}

/** Calls as rows; the first cell leads to the call's own page. */
export function CallsTable({ isShort, ...table }: CallsTableProps) {
  return <DataTable columns={isShort === true ? SHORT : ALL} keyOf={({ decision }) => decision} {...table} />;
}

const timeColumn = (isShort: boolean): Column<Call> => ({
  header: "Time",
  cell: ({ decision, time }) => (
    <Anchor
      size="sm"
      style={{ whiteSpace: "nowrap" }}
      renderRoot={(props) => <Link {...props} to="/calls/$decision" params={{ decision }} />}
    >
      <Moment at={time} isShort={isShort} />
    </Anchor>
  ),
});
const MODEL: Column<Call> = { header: "Model", cell: ({ model }) => model ?? "–" };
const OUTCOME: Column<Call> = {
  header: "Ended",
  cell: ({ outcome, reason_code }) => <CallOutcome outcome={outcome} reason={reason_code} />,
};
const COST: Column<Call> = { header: "Cost", isNumber: true, cell: ({ cost }) => <Money usd={cost} /> };
const WHOSE: Column<Call> = {
  header: "Whose",
  cell: ({ dimensions }) => (
    <Text size="sm">
      {DIMENSIONS_SHOWN.flatMap((name) => (dimensions[name] === undefined ? [] : [`${name} ${dimensions[name]}`])).join(
        ", ",
      ) || "–"}
    </Text>
  ),
};
const WHY: Column<Call> = {
  header: "Why",
  cell: ({ reason_code }) => (reason_code === null ? "–" : titleOf(reason_code)),
};
const TOKENS: Column<Call> = {
  header: "Tokens",
  isNumber: true,
  cell: ({ usage }) => {
    const tokens = tokensOf(usage);
    return tokens === null ? "–" : `${formatCount(tokens.input)} / ${formatCount(tokens.output)}`;
  },
};

const SHORT = [timeColumn(true), MODEL, OUTCOME, COST];
const ALL = [timeColumn(false), MODEL, OUTCOME, WHY, WHOSE, TOKENS, COST];
