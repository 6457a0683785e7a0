import { Anchor, Code, List, Paper, SimpleGrid, Stack, Text } from "@mantine/core";
import { CODES, type ReasonCode, type Rehearsal, type RehearsedChange } from "@tollhouse/contract/control-client";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { formatCount } from "../../parts/format.ts";
import { formatLimit, type Measure, type Window } from "../../parts/limit-words.ts";
import { Moment } from "../../parts/moment.tsx";
import { Money } from "../../parts/money.tsx";

/** What a policy would have done to the calls that were made. */
export function RehearsalResult({ rehearsal }: { readonly rehearsal: Rehearsal }) {
  const { calls, newly_blocked, newly_allowed, downgraded, unjudged, cost, changes, changes_left_out } = rehearsal;
  return (
    <Stack gap="md" role="status">
      <Text size="sm">
        {formatCount(calls)} calls from <Moment at={rehearsal.from} /> to <Moment at={rehearsal.to} />:{" "}
        {formatCount(rehearsal.unchanged)} would have ended as they did.
      </Text>
      <SimpleGrid cols={{ base: 2, md: 4 }}>
        <Figure label="Would have been refused" figure={formatCount(newly_blocked.calls)}>
          <Reasons by={newly_blocked.by_reason} />
        </Figure>
        <Figure label="Would have gone through" figure={formatCount(newly_allowed)}>
          that were refused
        </Figure>
        <Figure label="Cheaper model" figure={formatCount(downgraded)}>
          would have served them
        </Figure>
        <Figure label="Not spent" figure={<Money usd={cost.not_spent} />}>
          of <Money usd={cost.recorded} />
        </Figure>
      </SimpleGrid>
      {unjudged.calls > 0 && (
        <Text size="sm">Of {formatCount(unjudged.calls)} calls nobody can say it; they are taken as they were.</Text>
      )}
      <DataTable
        caption="Calls that would have ended otherwise"
        columns={COLUMNS}
        rows={changes}
        keyOf={({ decision }) => decision}
        empty={<Text size="sm">No call would have ended otherwise.</Text>}
      />
      {changes_left_out > 0 && <Text size="sm">and {formatCount(changes_left_out)} more</Text>}
      <details>
        <Text component="summary" size="sm" style={{ cursor: "pointer" }}>
          What it takes for granted
        </Text>
        <List size="sm" mt="xs">
          {rehearsal.assumptions.map((each) => (
            <List.Item key={each}>{each}</List.Item>
          ))}
        </List>
      </details>
    </Stack>
  );
}

interface FigureProps {
  readonly label: string;
  readonly figure: ReactNode;
  readonly children: ReactNode;
}

function Figure({ label, figure, children }: FigureProps) {
  return (
    <Paper withBorder p="md">
      <Text c="dimmed" size="sm">
        {label}
      </Text>
      <Text size="xl" fw={600}>
        {figure}
      </Text>
      <Text size="sm" component="div">
        {children}
      </Text>
    </Paper>
  );
}

function Reasons({ by }: { readonly by: Readonly<Record<string, number>> }) {
  const reasons = Object.entries(by);
  if (reasons.length === 0) return <>that went through</>;
  return (
    <>
      {reasons.map(([code, calls]) => (
        <div key={code}>
          {formatCount(calls)}: {CODES[code as ReasonCode].title}
        </div>
      ))}
    </>
  );
}

const CHANGE_WORDS = {
  newly_blocked: "refused",
  newly_allowed: "let through",
  downgraded: "served by another model",
} as const;

const COLUMNS: readonly Column<RehearsedChange>[] = [
  { header: "Call", cell: ({ decision }) => <CallLink decision={decision} /> },
  { header: "When", cell: ({ time }) => <Moment at={time} /> },
  { header: "Model", cell: ({ model }) => model },
  { header: "Would have been", cell: ({ change, to_model }) => to_model ?? CHANGE_WORDS[change] },
  { header: "Why", isProse: true, cell: (change) => <Why change={change} /> },
  { header: "Cost", isNumber: true, cell: ({ cost }) => <Money usd={cost} /> },
];

function CallLink({ decision }: Pick<RehearsedChange, "decision">) {
  return (
    <Anchor renderRoot={(props) => <Link {...props} to="/calls/$decision" params={{ decision }} />}>
      <Code>{decision}</Code>
    </Anchor>
  );
}

function Why({ change: { reason_code, limit } }: { readonly change: RehearsedChange }) {
  const title = reason_code === null ? "–" : CODES[reason_code].title;
  if (limit === null) return <>{title}</>;
  const words = formatLimit({ ...limit, measure: limit.measure as Measure, window: limit.window as Window });
  return (
    <>
      {title}: {limit.scope}, {words}
    </>
  );
}
