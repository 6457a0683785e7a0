import { PasswordInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useSessionChange } from "../api/sign-in.ts";
import { fieldProblems, FormModal } from "../parts/form-modal.tsx";
import { NewPassword } from "../parts/new-password.tsx";

interface Values extends Record<string, unknown> {
  readonly current: string;
  readonly new: string;
}

/** The viewer's own; it ends every other session of theirs. */
export function ChangePassword({ onClose }: { readonly onClose: () => void }) {
  const form = useForm<Values>({ initialValues: { current: "", new: "" } });
  const change = useSessionChange("changePassword", () => {
    notifications.show({ message: "Your password is changed. Wherever else you were signed in, you no longer are." });
    onClose();
  });
  return (
    <FormModal
      title="Change your password"
      action="Change"
      form={form}
      isBusy={change.isPending}
      error={change.error}
      onSubmit={(body) => change.mutate({ body }, { onError: fieldProblems(form) })}
      onClose={onClose}
    >
      <PasswordInput
        label="Your password now"
        autoComplete="current-password"
        data-autofocus
        {...form.getInputProps("current")}
      />
      <NewPassword label="The new one" required={false} {...form.getInputProps("new")} />
    </FormModal>
  );
}
