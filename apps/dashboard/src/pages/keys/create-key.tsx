import { Button, Checkbox, Code, CopyButton, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { KeyCreate, KeyMade } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { useChange } from "../../api/use-operation.ts";
import { fieldProblems, FormModal } from "../../parts/form-modal.tsx";

type Permission = NonNullable<KeyCreate["permissions"]>[number];

const PERMISSIONS: readonly { readonly value: Permission; readonly label: string }[] = [
  { value: "call", label: "call models" },
  { value: "record", label: "record usage by the SDK" },
  { value: "read", label: "read reports and settings" },
  { value: "manage", label: "change limits and policies" },
];

interface Values extends Record<string, unknown> {
  readonly name: string;
  readonly permissions: Permission[];
}

/** Asks for a new key, and shows its secret the one time that it can be seen. */
export function CreateKey({ onClose }: { readonly onClose: () => void }) {
  const [made, setMade] = useState<KeyMade | null>(null);
  const form = useForm<Values>({ initialValues: { name: "", permissions: ["call"] } });
  const create = useChange("createKey", ["listKeys"], setMade);
  if (made !== null) return <KeySecret made={made} onClose={onClose} />;
  return (
    <FormModal
      title="Create a key"
      action="Create"
      form={form}
      isBusy={create.isPending}
      error={create.error}
      onSubmit={(body) => create.mutate({ input: { body } }, { onError: fieldProblems(form) })}
      onClose={onClose}
    >
      <TextInput label="Name" description="What uses it" data-autofocus {...form.getInputProps("name")} />
      <Checkbox.Group label="It may" {...form.getInputProps("permissions")}>
        <Stack gap="xs" mt="xs">
          {PERMISSIONS.map(({ value, label }) => (
            <Checkbox key={value} value={value} label={label} />
          ))}
        </Stack>
      </Checkbox.Group>
    </FormModal>
  );
}

function KeySecret({ made, onClose }: { readonly made: KeyMade; readonly onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title={`Key ${made.name}`} closeButtonProps={{ "aria-label": "Close" }}>
      <Stack>
        <Text size="sm">Keep it now: only its hash is stored, and it is not shown again.</Text>
        <Code block>{made.key}</Code>
        <Group justify="flex-end">
          <CopyButton value={made.key}>
            {({ copied, copy }) => (
              <Button variant="default" onClick={copy}>
                {copied ? "Copied" : "Copy"}
              </Button>
            )}
          </CopyButton>
          <Button onClick={onClose}>Done</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
