import { Button, Menu, Text } from "@mantine/core";
import type { Limit } from "@tollhouse/contract/control-client";
import { useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useMay } from "../../api/session.ts";
import { usePages } from "../../api/use-operation.ts";
import { Page } from "../../frame/page.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { LimitBar } from "../../parts/limit-bar.tsx";
import { formatAmount, formatLimit } from "../../parts/limit-words.ts";
import { Scope } from "../../parts/scope.tsx";
import { ChangeLimit } from "./change-limit.tsx";
import { CreateLimit } from "./create-limit.tsx";
import { DeleteLimit } from "./delete-limit.tsx";
import { LimitFilters } from "./limit-filters.tsx";
import { LimitHistory } from "./limit-history.tsx";
import { LimitMode } from "./limit-mode.tsx";
import { Resets } from "./resets.tsx";

type Asked = "create" | { readonly what: "change" | "history" | "delete"; readonly limit: Limit } | null;

export function LimitsPage() {
  const search = useSearch({ from: "/limits" });
  const mayManage = useMay("manage");
  const [asked, setAsked] = useState<Asked>(null);
  const { measure, kind, name } = search;
  const scope = kind === "org" ? "org" : kind !== undefined && name !== undefined ? `${kind}:${name}` : undefined;
  const limits = usePages(
    "listLimits",
    {
      query: {
        limit: 100,
        ...(measure !== undefined && { measure }),
        ...(scope !== undefined ? { scope } : kind !== undefined && { scope_kind: kind }),
      },
    },
    (page) => page.limits,
  );
  const close = () => setAsked(null);
  const isFiltered = measure !== undefined || kind !== undefined;
  return (
    <Page
      title="Budgets & limits"
      actions={mayManage && <Button onClick={() => setAsked("create")}>Create a limit</Button>}
    >
      <LimitFilters search={search} />
      <DataTable
        caption="Limits of this environment"
        columns={columnsOf(mayManage, (what, limit) => setAsked({ what, limit }))}
        keyOf={({ id }) => id}
        empty={isFiltered ? <NoneFound /> : <NoneYet mayManage={mayManage} />}
        {...limits}
      />
      {asked === "create" && <CreateLimit {...(scope !== undefined && { scope })} onClose={close} />}
      {asked !== null && asked !== "create" && <Asking what={asked.what} limit={asked.limit} onClose={close} />}
    </Page>
  );
}

interface AskingProps {
  readonly what: "change" | "history" | "delete";
  readonly limit: Limit;
  readonly onClose: () => void;
}

function Asking({ what, ...props }: AskingProps) {
  if (what === "change") return <ChangeLimit {...props} />;
  return what === "delete" ? <DeleteLimit {...props} /> : <LimitHistory {...props} />;
}

function NoneFound() {
  return <EmptyState title="No such limit">Nothing is limited by what is chosen above.</EmptyState>;
}

function NoneYet({ mayManage }: { readonly mayManage: boolean }) {
  return (
    <EmptyState title="No limits yet">
      A limit says how much a scope may use: a session, an agent, a team, the whole organisation. A hard limit in US
      dollars is a budget that is never overspent.{" "}
      {mayManage ? "Create one with the button above." : "Whoever may manage this environment creates them."}
    </EmptyState>
  );
}

function columnsOf(
  mayManage: boolean,
  ask: (what: "change" | "history" | "delete", limit: Limit) => void,
): readonly Column<Limit>[] {
  return [
    { header: "Scope", cell: ({ scope }) => <Scope scope={scope} /> },
    {
      header: "May use",
      cell: (limit) => (
        <Text size="sm" miw={120}>
          {formatLimit(limit)}
        </Text>
      ),
    },
    { header: "Mode", cell: ({ mode }) => <LimitMode mode={mode} /> },
    {
      header: "Used",
      cell: ({ scope, measure, amount, state }) => (
        <LimitBar label={scope} measure={measure} amount={amount} state={state} />
      ),
    },
    { header: "Left", isNumber: true, cell: ({ measure, state }) => formatAmount(measure, state.remaining) },
    { header: "Starts anew", cell: ({ window, state }) => <Resets window={window} at={state.resets_at} /> },
    {
      header: "Actions",
      isHeaderHidden: true,
      cell: (limit) => <LimitMenu limit={limit} mayManage={mayManage} ask={ask} />,
    },
  ];
}

interface LimitMenuProps {
  readonly limit: Limit;
  readonly mayManage: boolean;
  readonly ask: (what: "change" | "history" | "delete", limit: Limit) => void;
}

function LimitMenu({ limit, mayManage, ask }: LimitMenuProps) {
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button size="compact-sm" variant="default" aria-label={`Actions for ${limit.scope}, ${formatLimit(limit)}`}>
          …
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {mayManage && <Menu.Item onClick={() => ask("change", limit)}>Change</Menu.Item>}
        <Menu.Item onClick={() => ask("history", limit)}>History</Menu.Item>
        {mayManage && (
          <Menu.Item color="red" onClick={() => ask("delete", limit)}>
            Delete
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
