import { Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useChange } from "../../api/use-operation.ts";
import { ExpiryInput, expiryOf } from "../../parts/expiry-input.tsx";
import { fieldProblems, FormModal } from "../../parts/form-modal.tsx";
import { ScopeInput } from "../../parts/scope-input.tsx";
import { Scope } from "../../parts/scope.tsx";
import { endedWords } from "./ended-words.ts";
import { STOPS } from "./stops.ts";

const A_DAY = "86400";

interface BlockSomebodyProps {
  /** Whom, where that is clear already. */
  readonly scope?: string;
  readonly onClose: () => void;
}

/** Puts a user, a customer or a key on the blocklist. */
export function BlockSomebody({ scope, onClose }: BlockSomebodyProps) {
  const form = useForm({ initialValues: { scope: scope ?? "user:", reason: "", expires_in: A_DAY } });
  const block = useChange("createBlock", STOPS, ({ scope: blocked, ended_calls }) => {
    notifications.show({ message: `Blocked ${blocked}. ${endedWords(ended_calls)}` });
    onClose();
  });
  return (
    <FormModal
      title="Block somebody"
      action="Block"
      form={form}
      isBusy={block.isPending}
      error={block.error}
      onSubmit={({ expires_in, ...values }) =>
        block.mutate({ input: { body: { ...values, ...expiryOf(expires_in) } } }, { onError: fieldProblems(form) })
      }
      onClose={onClose}
    >
      {scope === undefined ? (
        <ScopeInput label="Who" kinds={["user", "customer", "key"]} {...form.getInputProps("scope")} />
      ) : (
        <Text size="sm">
          Calls of <Scope scope={scope} /> are refused from now on, and those that are running are ended.
        </Text>
      )}
      <TextInput
        label="Why"
        description="For your colleagues and the ledger. Who is blocked never sees it."
        {...form.getInputProps("reason")}
      />
      <ExpiryInput {...form.getInputProps("expires_in")} />
    </FormModal>
  );
}
