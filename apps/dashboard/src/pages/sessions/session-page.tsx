import { Alert, Anchor, Button, Code, Stack, Text } from "@mantine/core";
import type { Session } from "@tollhouse/contract/control-client";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useMay } from "../../api/session.ts";
import { useOperation } from "../../api/use-operation.ts";
import { Page } from "../../frame/page.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { Actor } from "../../parts/actor.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { LimitBar } from "../../parts/limit-bar.tsx";
import { formatLimit, type Window } from "../../parts/limit-words.ts";
import { Moment } from "../../parts/moment.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { Section } from "../../parts/section.tsx";
import { LimitMode } from "../limits/limit-mode.tsx";
import { Resets } from "../limits/resets.tsx";
import { hasDefault, SessionAction, type SessionActionName } from "./session-action.tsx";
import { SessionState } from "./session-state.tsx";
import { SpentByModel } from "./spent-by-model.tsx";

type Budget = Session["budgets"][number];

/** One session: whether it may go on, what it may spend, what it has done. */
export function SessionPage() {
  const { session: name } = useParams({ from: "/sessions/$session" });
  const { data, error } = useOperation("getSession", { params: { id: name } });
  const [asked, setAsked] = useState<SessionActionName | null>(null);
  return (
    <Page title={`Session ${name}`} actions={data !== undefined && <Actions session={data} ask={setAsked} />}>
      <ProblemAlert error={error} />
      {data !== undefined && (
        <Stack gap="xl">
          <State session={data} />
          <Section title="Budgets">
            <DataTable
              caption={`Budgets of session ${name}`}
              columns={COLUMNS}
              rows={data.budgets}
              keyOf={({ limit_id }) => limit_id}
              empty={<NoBudget />}
            />
          </Section>
          <SpentByModel dimension="session" value={name} />
        </Stack>
      )}
      {asked !== null && <SessionAction asked={asked} session={name} onClose={() => setAsked(null)} />}
    </Page>
  );
}

interface ActionsProps {
  readonly session: Session;
  readonly ask: (asked: SessionActionName) => void;
}

function Actions({ session, ask }: ActionsProps) {
  if (!useMay("operate")) return null;
  return (
    <>
      {hasDefault(session) && (
        <Button variant="default" onClick={() => ask("reset")}>
          Reset its budget
        </Button>
      )}
      {session.state === "active" ? (
        <Button color="red" onClick={() => ask("freeze")}>
          Freeze
        </Button>
      ) : (
        <Button onClick={() => ask("unfreeze")}>Unfreeze</Button>
      )}
    </>
  );
}

function State({ session: { state, frozen } }: { readonly session: Session }) {
  if (frozen === null)
    return (
      <Text component="div" size="sm">
        <SessionState state={state} /> Its calls go through, as far as its budgets let them.
      </Text>
    );
  return (
    <Alert color="red" variant="light" title="Frozen: its calls are refused">
      <Text size="sm">
        {frozen.reason}. By <Actor actor={frozen.operator} /> since <Moment at={frozen.created_at} />, until{" "}
        <Moment at={frozen.expires_at} otherwise="somebody unfreezes it" />.
      </Text>
    </Alert>
  );
}

function NoBudget() {
  return (
    <EmptyState isInner title="No budget of its own">
      Only the limits of its user, team and organisation hold it.{" "}
      <Anchor size="sm" renderRoot={(props) => <Link {...props} to="/limits" search={{ kind: "session" }} />}>
        Create one under Budgets & limits
      </Anchor>
      , or set <Code>DEFAULT_BUDGET</Code> for every session.
    </EmptyState>
  );
}

function Origin({ isDefault }: { readonly isDefault: boolean }) {
  return (
    <span style={{ whiteSpace: "nowrap" }}>{isDefault ? "the default of every session" : "a limit of its own"}</span>
  );
}

const COLUMNS: readonly Column<Budget>[] = [
  {
    header: "May use",
    cell: ({ amount, window }) => formatLimit({ measure: "usd", amount, window: window as Window }),
  },
  { header: "From", cell: (budget) => <Origin isDefault={budget.default} /> },
  { header: "Mode", cell: ({ mode }) => <LimitMode mode={mode} /> },
  {
    header: "Used",
    cell: (budget) => <LimitBar label="budget" measure="usd" amount={budget.amount} state={budget} />,
  },
  { header: "Starts anew", cell: ({ window, resets_at }) => <Resets window={window} at={resets_at} /> },
];
