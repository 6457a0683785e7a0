import { Anchor, Button, Code, Group, NativeSelect, Text, TextInput } from "@mantine/core";
import type { Answer } from "@tollhouse/contract/control-client";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useMay } from "../../api/session.ts";
import { usePages } from "../../api/use-operation.ts";
import { Page } from "../../frame/page.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { formatCount } from "../../parts/format.ts";
import { LimitBar } from "../../parts/limit-bar.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Money } from "../../parts/money.tsx";
import { LOOK_BACKS, type LookBack } from "./route.ts";
import { SessionMenu } from "./session-menu.tsx";
import { SessionState } from "./session-state.tsx";

type Listed = Answer<"listSessions">["sessions"][number];

const ROWS = 100;
const LOOK_BACK_WORDS: Readonly<Record<LookBack, string>> = {
  1: "in the last hour",
  24: "in the last day",
  168: "in the last week",
  720: "in the last 30 days",
};

export function SessionsPage() {
  const { hours = 24 } = useSearch({ from: "/sessions" });
  const navigate = useNavigate({ from: "/sessions" });
  const mayOperate = useMay("operate");
  const sessions = usePages("listSessions", { query: { hours, limit: ROWS } }, (page) => page.sessions);
  const { total } = sessions.first ?? { total: null };
  return (
    <Page title="Sessions" actions={<OpenSession />}>
      <Group mb="md" gap="sm">
        <NativeSelect
          aria-label="Seen"
          value={String(hours)}
          data={LOOK_BACKS.map((each) => ({ value: String(each), label: LOOK_BACK_WORDS[each] }))}
          onChange={({ currentTarget }) =>
            void navigate({ search: (before) => ({ ...before, hours: Number(currentTarget.value) as LookBack }) })
          }
        />
        {total !== null && sessions.more !== null && (
          <Text size="sm" c="dimmed">
            The {formatCount(sessions.rows.length)} used last of {formatCount(total)}. Open any other by its name.
          </Text>
        )}
      </Group>
      <DataTable
        caption={`Sessions seen ${LOOK_BACK_WORDS[hours]}, the one used last first`}
        columns={columnsOf(mayOperate)}
        keyOf={({ session }) => session}
        empty={<NoSessions seen={LOOK_BACK_WORDS[hours]} />}
        {...sessions}
      />
    </Page>
  );
}

function NoSessions({ seen }: { readonly seen: string }) {
  return (
    <EmptyState title={`No session was seen ${seen}`}>
      A call names its session with the header <Code>x-tollhouse-session: run-42</Code>. Each session then has a budget
      of its own, and can be frozen.
    </EmptyState>
  );
}

/** Any session, also one that was not seen of late. */
function OpenSession() {
  const navigate = useNavigate();
  const [name, setName] = useState("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim() !== "") void navigate({ to: "/sessions/$session", params: { session: name.trim() } });
      }}
    >
      <Group gap="xs" wrap="nowrap">
        <TextInput
          aria-label="Session by its name"
          placeholder="Session by its name"
          value={name}
          onChange={({ currentTarget }) => setName(currentTarget.value)}
        />
        <Button type="submit" variant="default">
          Open
        </Button>
      </Group>
    </form>
  );
}

function columnsOf(mayOperate: boolean): readonly Column<Listed>[] {
  return [
    {
      header: "Session",
      cell: ({ session }) => (
        <Anchor size="sm" renderRoot={(props) => <Link {...props} to="/sessions/$session" params={{ session }} />}>
          {session}
        </Anchor>
      ),
    },
    { header: "State", cell: ({ state }) => <SessionState state={state} /> },
    { header: "Calls", isNumber: true, cell: ({ calls }) => formatCount(calls) },
    { header: "Blocked", isNumber: true, cell: ({ blocked }) => formatCount(blocked) },
    { header: "Cost", isNumber: true, cell: ({ cost }) => <Money usd={cost} /> },
    { header: "Budget", cell: (session) => <TightestBudget {...session} /> },
    { header: "Seen in the hour from", cell: ({ last_hour }) => <Moment at={last_hour} /> },
    ...(mayOperate
      ? [
          {
            header: "Actions",
            isHeaderHidden: true,
            cell: (session: Listed) => <SessionMenu of={session} />,
          },
        ]
      : []),
  ];
}

/** The one with least left. */
function TightestBudget({ session, budgets }: Pick<Listed, "session" | "budgets">) {
  const [first, ...others] = budgets;
  if (first === undefined) return <Text size="sm">none</Text>;
  const tightest = others.reduce((least, each) => (isLess(each.remaining, least.remaining) ? each : least), first);
  return <LimitBar label={`session:${session}`} measure="usd" amount={tightest.amount} state={tightest} />;
}

/** Decimal strings with as many places each. */
function isLess(a: string, b: string): boolean {
  return BigInt(a.replace(".", "")) < BigInt(b.replace(".", ""));
}
