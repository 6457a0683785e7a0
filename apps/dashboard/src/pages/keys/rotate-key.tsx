import { NativeSelect, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { Key, KeyMade } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { useChange } from "../../api/use-operation.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { FormModal } from "../../parts/form-modal.tsx";
import { KeySecret } from "./key-secret.tsx";

const HOUR_S = 3_600;
const OVERLAPS = [
  { value: "0", label: "not at all: it is refused at once" },
  { value: String(HOUR_S), label: "an hour" },
  { value: String(24 * HOUR_S), label: "a day" },
  { value: String(7 * 24 * HOUR_S), label: "a week" },
  { value: String(30 * 24 * HOUR_S), label: "30 days" },
];

/** A new secret for a key; the one of now stays valid for as long as its holders need to change it. */
export function RotateKey({ apiKey, onClose }: { readonly apiKey: Key; readonly onClose: () => void }) {
  const [made, setMade] = useState<KeyMade | null>(null);
  const form = useForm({ initialValues: { overlap_seconds: String(24 * HOUR_S) } });
  const rotate = useChange("rotateKey", ["listKeys"], setMade);
  if (made !== null) return <KeySecret made={made} onClose={onClose} />;
  return (
    <FormModal
      title={`New secret for ${apiKey.name}`}
      action="Rotate"
      form={form}
      isBusy={rotate.isPending}
      error={rotate.error}
      onSubmit={({ overlap_seconds }) =>
        rotate.mutate({ input: { params: { id: apiKey.id }, body: { overlap_seconds: Number(overlap_seconds) } } })
      }
      onClose={onClose}
    >
      <Text size="sm">The key keeps its id, its limits and what it may do. Only its secret is new.</Text>
      <NativeSelect
        label="The secret of now stays valid for"
        data={OVERLAPS}
        data-autofocus
        {...form.getInputProps("overlap_seconds")}
      />
    </FormModal>
  );
}

export function RevokeKey({ apiKey, onClose }: { readonly apiKey: Key; readonly onClose: () => void }) {
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
