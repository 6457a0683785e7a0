import { Anchor, Button, Group, NativeSelect, Text, TextInput } from "@mantine/core";
import type { UsageReport } from "@tollhouse/contract/control-client";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { usePages } from "../../api/use-operation.ts";
import { useEnvironment } from "../../app/place.ts";
import { Page } from "../../frame/page.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { formatCount } from "../../parts/format.ts";
import { Money } from "../../parts/money.tsx";
import { DAYS, type Days } from "./days.ts";

type Row = UsageReport["rows"][number];
export type Spender = "user" | "customer";

const DAY_MS = 86_400_000;
export const DAYS_WORDS: Readonly<Record<Days, string>> = {
  1: "today and yesterday",
  7: "in the last 7 days",
  30: "in the last 30 days",
  365: "in the last year",
};
const TITLES: { readonly [S in Spender]: string } = { user: "Users", customer: "Customers" };

interface SpendersPageProps {
  readonly of: Spender;
  readonly days: Days;
  readonly onDays: (days: Days) => void;
  readonly empty: ReactNode;
}

/** Users, or customers: who used most. */
export function SpendersPage({ of, days, onDays, empty }: SpendersPageProps) {
  const environment = useEnvironment();
  const query = { group_by: of, order: "cost", limit: 50, from: since(days), environment } as const;
  const rows = usePages("getUsage", { query }, (page) => page.rows);
  return (
    <Page title={TITLES[of]} actions={<OpenSpender of={of} />}>
      <NativeSelect
        aria-label="Seen"
        mb="md"
        w={220}
        value={String(days)}
        data={DAYS.map((each) => ({ value: String(each), label: DAYS_WORDS[each] }))}
        onChange={({ currentTarget }) => onDays(Number(currentTarget.value) as Days)}
      />
      <DataTable
        caption={`${TITLES[of]} of this environment ${DAYS_WORDS[days]}, who cost most first`}
        columns={columnsOf(of)}
        keyOf={(row) => row[of] ?? ""}
        empty={empty}
        {...rows}
      />
    </Page>
  );
}

/** Whole days of UTC: the same question all day long, which the server answers from its sums by day. */
function since(days: number): string {
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  return new Date(today - days * DAY_MS).toISOString();
}

function OpenSpender({ of }: { readonly of: Spender }) {
  const navigate = useNavigate();
  const [id, setId] = useState("");
  const label = of === "user" ? "User by id" : "Customer by id";
  const open = (named: string) =>
    of === "user"
      ? navigate({ to: "/users/$user", params: { user: named } })
      : navigate({ to: "/customers/$customer", params: { customer: named } });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (id.trim() !== "") void open(id.trim());
      }}
    >
      <Group gap="xs" wrap="nowrap">
        <TextInput
          aria-label={label}
          placeholder={label}
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

function columnsOf(of: Spender): readonly Column<Row>[] {
  return [
    { header: of === "user" ? "User" : "Customer", cell: (row) => <SpenderLink of={of} id={row[of] ?? null} /> },
    { header: "Cost", isNumber: true, cell: ({ cost }) => <Money usd={cost} /> },
    { header: "Calls", isNumber: true, cell: ({ calls }) => formatCount(calls) },
    { header: "Blocked", isNumber: true, cell: ({ blocked }) => formatCount(blocked) },
    { header: "Input tokens", isNumber: true, cell: ({ input_tokens }) => formatCount(input_tokens) },
    { header: "Output tokens", isNumber: true, cell: ({ output_tokens }) => formatCount(output_tokens) },
  ];
}

function SpenderLink({ of, id }: { readonly of: Spender; readonly id: string | null }) {
  if (id === null)
    return (
      <Text size="sm" span c="dimmed">
        calls without a {of}
      </Text>
    );
  return of === "user" ? (
    <Anchor size="sm" renderRoot={(props) => <Link {...props} to="/users/$user" params={{ user: id }} />}>
      {id}
    </Anchor>
  ) : (
    <Anchor size="sm" renderRoot={(props) => <Link {...props} to="/customers/$customer" params={{ customer: id }} />}>
      {id}
    </Anchor>
  );
}
