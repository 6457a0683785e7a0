import { useForm } from "@mantine/form";
import type { Key, KeyMade } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { useChange } from "../../api/use-operation.ts";
import { fieldProblems, FormModal } from "../../parts/form-modal.tsx";
import { KeyFields } from "./key-form.tsx";
import { KeySecret } from "./key-secret.tsx";
import { bodyOf, NEW_KEY, valuesOf, type KeyValues } from "./key-values.ts";

/** Asks for a new key, and shows its secret the one time that it can be seen. */
export function CreateKey({ onClose }: { readonly onClose: () => void }) {
  const [made, setMade] = useState<KeyMade | null>(null);
  const form = useForm<KeyValues>({ initialValues: NEW_KEY });
  const create = useChange("createKey", ["listKeys"], setMade);
  if (made !== null) return <KeySecret made={made} onClose={onClose} />;
  return (
    <FormModal
      title="Create a key"
      action="Create"
      form={form}
      isBusy={create.isPending}
      error={create.error}
      onSubmit={(values) => create.mutate({ input: { body: bodyOf(values) } }, { onError: fieldProblems(form) })}
      onClose={onClose}
    >
      <KeyFields form={form} />
    </FormModal>
  );
}

/** Changes what a key may do, unless somebody else did meanwhile. */
export function EditKey({ apiKey, onClose }: { readonly apiKey: Key; readonly onClose: () => void }) {
  const form = useForm<KeyValues>({ initialValues: valuesOf(apiKey) });
  const update = useChange("updateKey", ["listKeys"], onClose);
  return (
    <FormModal
      title={`Change ${apiKey.name}`}
      action="Save"
      form={form}
      isBusy={update.isPending}
      error={update.error}
      onSubmit={(values) =>
        update.mutate(
          { input: { params: { id: apiKey.id }, body: { ...bodyOf(values), version: apiKey.version } } },
          { onError: fieldProblems(form) },
        )
      }
      onClose={onClose}
    >
      <KeyFields form={form} />
    </FormModal>
  );
}
