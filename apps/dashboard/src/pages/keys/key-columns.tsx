import { Button, Code, Group, Menu, Stack, Text } from "@mantine/core";
import type { Key } from "@tollhouse/contract/control-client";
import type { ReactNode } from "react";
import type { Column } from "../../parts/data-table.tsx";
import { formatCount } from "../../parts/format.ts";
import { Moment } from "../../parts/moment.tsx";
import { StateBadge } from "../../parts/state-badge.tsx";
import { fixedOf } from "./key-values.ts";

export type KeyAction = "use" | "edit" | "rotate" | "revoke";

export function columnsOf(mayManage: boolean, ask: (action: KeyAction, key: Key) => void): readonly Column<Key>[] {
  return [
    { header: "Name", cell: (key) => <NameOf apiKey={key} /> },
    { header: "State", cell: (key) => <StateOf apiKey={key} /> },
    { header: "May", cell: ({ permissions }) => permissions.join(", ") },
    { header: "Bound to", cell: (key) => <BoundsOf apiKey={key} /> },
    { header: "Last used", cell: ({ last_used_at }) => <Moment at={last_used_at} otherwise="never" /> },
    { header: "Created", cell: ({ created_at }) => <Moment at={created_at} /> },
    {
      header: "Actions",
      isHeaderHidden: true,
      cell: (key) => key.revoked_at === null && <ActionsOf apiKey={key} mayManage={mayManage} ask={ask} />,
    },
  ];
}

function NameOf({ apiKey: { name, id } }: { readonly apiKey: Key }) {
  return (
    <Stack gap={2} align="start">
      <span>{name}</span>
      <Code>{id}</Code>
    </Stack>
  );
}

function StateOf({ apiKey: { revoked_at, expires_at, previous_valid_until } }: { readonly apiKey: Key }) {
  if (revoked_at !== null) return <StateBadge tone="quiet">revoked</StateBadge>;
  const isOver = expires_at !== null && Date.parse(expires_at) <= Date.now();
  return (
    <Stack gap={2} align="start">
      <StateBadge tone={isOver ? "bad" : "good"}>{isOver ? "expired" : "valid"}</StateBadge>
      {expires_at !== null && (
        <Text size="xs" c="dimmed">
          {isOver ? "since " : "until "}
          <Moment at={expires_at} />
        </Text>
      )}
      {previous_valid_until !== null && Date.parse(previous_valid_until) > Date.now() && (
        <Text size="xs" c="dimmed">
          older secret until <Moment at={previous_valid_until} />
        </Text>
      )}
    </Stack>
  );
}

/** What the key narrows: whose calls they are, which models, how many a minute. */
function BoundsOf({ apiKey }: { readonly apiKey: Key }) {
  const { models, requests_per_minute, tokens_per_minute, settable } = apiKey;
  const lines: ReactNode[] = fixedOf(apiKey).map(([dimension, value]) => (
    <Code key={dimension}>{`${dimension}:${value}`}</Code>
  ));
  if (models !== null) lines.push(<span key="models">models {models.join(", ")}</span>);
  if (requests_per_minute !== null)
    lines.push(<span key="requests">{formatCount(requests_per_minute)} requests a minute</span>);
  if (tokens_per_minute !== null)
    lines.push(<span key="tokens">{formatCount(tokens_per_minute)} tokens a minute</span>);
  if (settable !== null)
    lines.push(<span key="settable">says {settable.length === 0 ? "nothing" : settable.join(", ")} by header</span>);
  if (lines.length === 0)
    return (
      <Text c="dimmed" size="sm">
        nothing
      </Text>
    );
  return (
    <Stack gap={2} align="start" maw={280}>
      {lines}
    </Stack>
  );
}

interface ActionsProps {
  readonly apiKey: Key;
  readonly mayManage: boolean;
  readonly ask: (action: KeyAction, key: Key) => void;
}

function ActionsOf({ apiKey, mayManage, ask }: ActionsProps) {
  const use = (
    <Button size="compact-sm" variant="default" onClick={() => ask("use", apiKey)} aria-label={`Use ${apiKey.name}`}>
      Use
    </Button>
  );
  if (!mayManage) return use;
  return (
    <Group gap="xs" wrap="nowrap" justify="flex-end">
      {apiKey.permissions.includes("call") && use}
      <Menu position="bottom-end">
        <Menu.Target>
          <Button size="compact-sm" variant="default" aria-label={`Change ${apiKey.name}`}>
            Change
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => ask("edit", apiKey)}>What it may do</Menu.Item>
          <Menu.Item onClick={() => ask("rotate", apiKey)}>New secret</Menu.Item>
          <Menu.Divider />
          <Menu.Item color="red" onClick={() => ask("revoke", apiKey)}>
            Revoke
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Group>
  );
}
