import { Button, Code } from "@mantine/core";
import type { Key } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { Dialog } from "../../parts/dialog.tsx";
import { useMay } from "../../api/session.ts";
import { usePages } from "../../api/use-operation.ts";
import { Page } from "../../frame/page.tsx";
import { DataTable } from "../../parts/data-table.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { CreateKey, EditKey } from "./create-key.tsx";
import { columnsOf, type KeyAction } from "./key-columns.tsx";
import { RevokeKey, RotateKey } from "./rotate-key.tsx";
import { UseKey } from "./use-key.tsx";

type Asked = { readonly kind: "create" } | { readonly kind: KeyAction; readonly key: Key } | null;

export function KeysPage() {
  const [asked, setAsked] = useState<Asked>(null);
  const keys = usePages("listKeys", {}, (page) => page.keys);
  const mayManage = useMay("manage");
  const create = () => setAsked({ kind: "create" });
  return (
    <Page title="Keys" actions={mayManage && <Button onClick={create}>Create a key</Button>}>
      <DataTable
        caption="Keys of this environment"
        columns={columnsOf(mayManage, (kind, key) => setAsked({ kind, key }))}
        keyOf={(key) => key.id}
        empty={
          <EmptyState title="No keys yet">
            {mayManage
              ? "Create one for each product that calls a model: it says whose calls they are, and can be revoked alone."
              : "Somebody who may change keys can create one, here or with "}
            {!mayManage && <Code>tollhouse keys create</Code>}
          </EmptyState>
        }
        {...keys}
      />
      <AskedOf asked={asked} onClose={() => setAsked(null)} />
    </Page>
  );
}

function AskedOf({ asked, onClose }: { readonly asked: Asked; readonly onClose: () => void }) {
  switch (asked?.kind) {
    case undefined:
      return null;
    case "create":
      return <CreateKey onClose={onClose} />;
    case "edit":
      return <EditKey apiKey={asked.key} onClose={onClose} />;
    case "rotate":
      return <RotateKey apiKey={asked.key} onClose={onClose} />;
    case "revoke":
      return <RevokeKey apiKey={asked.key} onClose={onClose} />;
    case "use":
      return (
        <Dialog onClose={onClose} size="lg" title={`Use ${asked.key.name}`}>
          <UseKey secret={`th_${asked.key.environment}_${asked.key.id.replace("key_", "")}_…`} />
        </Dialog>
      );
  }
}
