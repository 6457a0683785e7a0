import { Anchor, Button, Code, Group, NativeSelect, Text, TextInput } from "@mantine/core";
import type { UsageReport } from "@tollhouse/contract/control-client";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { usePages } from "../../api/use-operation.ts";
import { useEnvironment } from "../../app/place.ts";
import { Page } from "../../frame/page.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { formatCount } from "../../parts/format.ts";
import { Money } from "../../parts/money.tsx";
import { DAYS, type Days } from "./route.ts";

type Row = UsageReport["rows"][number];

const DAY_MS = 86_400_000;
const DAYS_WORDS: Readonly<Record<Days, string>> = {
  1: "today and yesterday",
  7: "in the last 7 days",
  30: "in the last 30 days",
  365: "in the last year",
};

/** Who used most. */
export function UsersPage() {
  const { days = 30 } = useSearch({ from: "/users" });
  const navigate = useNavigate({ from: "/users" });
  const environment = useEnvironment();
  const query = { group_by: "user", order: "cost", limit: 50, from: since(days), environment } as const;
  const users = usePages("getUsage", { query }, (page) => page.rows);
  return (
    <Page title="Users" actions={<OpenUser />}>
      <NativeSelect
        aria-label="Seen"
        mb="md"
        w={220}
        value={String(days)}
        data={DAYS.map((each) => ({ value: String(each), label: DAYS_WORDS[each] }))}
        onChange={({ currentTarget }) =>
          void navigate({ search: (before) => ({ ...before, days: Number(currentTarget.value) as Days }) })
        }
      />
      <DataTable
        caption={`Users of this environment ${DAYS_WORDS[days]}, who cost most first`}
        columns={COLUMNS}
        keyOf={({ user }) => user ?? ""}
        empty={
          <EmptyState title={`No user was seen ${DAYS_WORDS[days]}`}>
            A call names its user with the header <Code>x-tollhouse-user: user-17</Code>. What each spends is then
            counted for itself, and each can be limited, put on a plan or blocked.
          </EmptyState>
        }
        {...users}
      />
    </Page>
  );
}

/** Whole days of UTC: the same question all day long, which the server answers from its sums by day. */
function since(days: number): string {
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  return new Date(today - days * DAY_MS).toISOString();
}

function OpenUser() {
  const navigate = useNavigate();
  const [id, setId] = useState("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (id.trim() !== "") void navigate({ to: "/users/$user", params: { user: id.trim() } });
      }}
    >
      <Group gap="xs" wrap="nowrap">
        <TextInput
          aria-label="User by id"
          placeholder="User by id"
          value={id}
          onChange={({ currentTarget }) => setId(currentTarget.value)}
        />
        <Button type="submit" variant="default">
          Open
        </Button>
      </Group>
    </form>
  );
}

const COLUMNS: readonly Column<Row>[] = [
  { header: "User", cell: ({ user }) => <UserLink user={user ?? null} /> },
  { header: "Cost", isNumber: true, cell: ({ cost }) => <Money usd={cost} /> },
  { header: "Calls", isNumber: true, cell: ({ calls }) => formatCount(calls) },
  { header: "Blocked", isNumber: true, cell: ({ blocked }) => formatCount(blocked) },
  { header: "Input tokens", isNumber: true, cell: ({ input_tokens }) => formatCount(input_tokens) },
  { header: "Output tokens", isNumber: true, cell: ({ output_tokens }) => formatCount(output_tokens) },
];

function UserLink({ user }: { readonly user: string | null }) {
  if (user === null)
    return (
      <Text size="sm" span c="dimmed">
        calls without a user
      </Text>
    );
  return (
    <Anchor size="sm" renderRoot={(props) => <Link {...props} to="/users/$user" params={{ user }} />}>
      {user}
    </Anchor>
  );
}
