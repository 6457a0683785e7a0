import { Button, Code, Group, PasswordInput, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { ProviderKey } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { useMay } from "../../api/session.ts";
import { useChange, useOperation } from "../../api/use-operation.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { fieldProblems, FormModal } from "../../parts/form-modal.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Section } from "../../parts/section.tsx";
import { StateBadge } from "../../parts/state-badge.tsx";

type Asked =
  | { readonly kind: "set"; readonly provider: string }
  | { readonly kind: "delete"; readonly key: ProviderKey }
  | null;

const STATES: { readonly [S in ProviderKey["state"]]: string } = {
  active: "in use",
  origin_changed: "refused: the provider's address changed since",
  unreadable: "refused: it cannot be opened",
  not_configured: "refused: there is no such provider any more",
};

/** Keys of the tenant's own at providers, which then pay for its calls. */
export function ProviderKeys() {
  const { data, error, isPending } = useOperation("listProviderKeys", {});
  const [asked, setAsked] = useState<Asked>(null);
  const mayManage = useMay("manage");
  const close = () => setAsked(null);
  return (
    <Section
      title="Provider keys"
      about="A key of your own at a provider pays for the calls of this environment. It is sealed at once, goes to no other address, and is never shown again."
      actions={
        mayManage && (
          <Button variant="default" onClick={() => setAsked({ kind: "set", provider: "" })}>
            Set a provider key
          </Button>
        )
      }
    >
      <DataTable
        caption="Provider keys"
        columns={columnsOf(mayManage, setAsked)}
        rows={data?.provider_keys ?? []}
        keyOf={({ id }) => id}
        empty={<Text size="sm">None: calls go with the keys of the installation.</Text>}
        isPending={isPending}
        error={error}
      />
      {asked?.kind === "set" && <SetProviderKey provider={asked.provider} onClose={close} />}
      {asked?.kind === "delete" && <DeleteProviderKey provider={asked.key.provider} onClose={close} />}
    </Section>
  );
}

function columnsOf(mayManage: boolean, ask: (asked: Asked) => void): readonly Column<ProviderKey>[] {
  return [
    { header: "Provider", cell: ({ provider }) => provider },
    {
      header: "State",
      cell: ({ state }) => <StateBadge tone={state === "active" ? "good" : "bad"}>{STATES[state]}</StateBadge>,
    },
    { header: "Key", cell: ({ last_four }) => <Code>{last_four === null ? "…" : `…${last_four}`}</Code> },
    { header: "Goes to", cell: ({ origin }) => <Code>{origin}</Code> },
    { header: "Set", cell: ({ created_at }) => <Moment at={created_at} /> },
    {
      header: "Actions",
      isHeaderHidden: true,
      cell: (key) =>
        mayManage && (
          <Group gap="xs" wrap="nowrap" justify="flex-end">
            <Button
              size="compact-sm"
              variant="default"
              aria-label={`Replace the key of ${key.provider}`}
              onClick={() => ask({ kind: "set", provider: key.provider })}
            >
              Replace
            </Button>
            <Button
              size="compact-sm"
              variant="default"
              aria-label={`Delete the key of ${key.provider}`}
              onClick={() => ask({ kind: "delete", key })}
            >
              Delete
            </Button>
          </Group>
        ),
    },
  ];
}

function SetProviderKey({ provider, onClose }: { readonly provider: string; readonly onClose: () => void }) {
  const form = useForm({ initialValues: { provider, api_key: "" } });
  const set = useChange("setProviderKey", ["listProviderKeys"], onClose);
  return (
    <FormModal
      title={provider === "" ? "Set a provider key" : `Replace the key of ${provider}`}
      action="Set"
      form={form}
      isBusy={set.isPending}
      error={set.error}
      onSubmit={({ provider: named, api_key }) =>
        set.mutate({ input: { params: { provider: named }, body: { api_key } } }, { onError: fieldProblems(form) })
      }
      onClose={onClose}
    >
      {provider === "" && (
        <TextInput
          label="Provider"
          description="openai, anthropic, gemini, or as it is named in tollhouse.yaml"
          data-autofocus
          required
          {...form.getInputProps("provider")}
        />
      )}
      <PasswordInput label="Key" autoComplete="off" required {...form.getInputProps("api_key")} />
    </FormModal>
  );
}

function DeleteProviderKey({ provider, onClose }: { readonly provider: string; readonly onClose: () => void }) {
  const remove = useChange("deleteProviderKey", ["listProviderKeys"], onClose);
  return (
    <Confirm
      title={`Delete the key of ${provider}?`}
      action="Delete"
      isBusy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate({ input: { params: { provider } } })}
      onClose={onClose}
    >
      Calls go on with the installation&apos;s key, where it has one; else they are refused.
    </Confirm>
  );
}
