import { Badge, Button, Code, Text } from "@mantine/core";
import type { Key } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { useChange, usePages } from "../../api/use-operation.ts";
import { Page } from "../../frame/page.tsx";
import { Confirm } from "../../parts/confirm.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { Moment } from "../../parts/moment.tsx";
import { CreateKey } from "./create-key.tsx";

type Asked = { readonly kind: "create" } | { readonly kind: "revoke"; readonly key: Key } | null;

export function KeysPage() {
  const [asked, setAsked] = useState<Asked>(null);
  const keys = usePages("listKeys", {}, (page) => page.keys);
  const close = () => setAsked(null);
  return (
    <Page title="Keys" actions={<Button onClick={() => setAsked({ kind: "create" })}>Create a key</Button>}>
      <DataTable
        caption="Keys of this environment"
        columns={columnsOf((key) => setAsked({ kind: "revoke", key }))}
        keyOf={(key) => key.id}
        empty={<EmptyState title="No keys yet">Create one for each product that calls a model.</EmptyState>}
        {...keys}
      />
      {asked?.kind === "create" && <CreateKey onClose={close} />}
      {asked?.kind === "revoke" && <RevokeKey apiKey={asked.key} onClose={close} />}
    </Page>
  );
}

function columnsOf(revoke: (key: Key) => void): readonly Column<Key>[] {
  return [
    { header: "Name", cell: ({ name }) => name },
    { header: "Id", cell: ({ id }) => <Code>{id}</Code> },
    { header: "May", cell: ({ permissions }) => permissions.join(", ") },
    { header: "State", cell: (key) => <KeyState apiKey={key} /> },
    { header: "Last used", cell: ({ last_used_at }) => <Moment at={last_used_at} otherwise="never" /> },
    { header: "Created", cell: ({ created_at }) => <Moment at={created_at} /> },
    {
      header: "Actions",
      isHeaderHidden: true,
      cell: (key) =>
        key.revoked_at === null && (
          <Button size="compact-sm" variant="default" onClick={() => revoke(key)} aria-label={`Revoke ${key.name}`}>
            Revoke
          </Button>
        ),
    },
  ];
}

function KeyState({ apiKey: { revoked_at, expires_at } }: { readonly apiKey: Key }) {
  if (revoked_at !== null) return <Badge color="gray">revoked</Badge>;
  if (expires_at === null) return <Badge>valid</Badge>;
  const isOver = Date.parse(expires_at) <= Date.now();
  return (
    <Text size="sm" span>
      {isOver ? "expired " : "until "}
      <Moment at={expires_at} />
    </Text>
  );
}

function RevokeKey({ apiKey, onClose }: { readonly apiKey: Key; readonly onClose: () => void }) {
  const revoke = useChange("revokeKey", ["listKeys"], onClose);
  return (
    <Confirm
      title={`Revoke ${apiKey.name}?`}
      action="Revoke"
      isBusy={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate({ input: { params: { id: apiKey.id } } })}
      onClose={onClose}
    >
      Calls with this key are refused from now on. A revoked key cannot be made valid again.
    </Confirm>
  );
}
