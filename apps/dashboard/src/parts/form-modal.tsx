import { Button, Group, Stack } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import type { ReactNode } from "react";
import { Dialog } from "./dialog.tsx";
import { ProblemError } from "../api/problem.ts";
import { ProblemAlert } from "./problem-alert.tsx";

interface FormModalProps<Values extends Record<string, unknown>> {
  readonly title: string;
  readonly form: UseFormReturnType<Values>;
  /** The fields. */
  readonly children: ReactNode;
  /** The button: what it does, in a verb. */
  readonly action: string;
  readonly isBusy: boolean;
  readonly error: Error | null;
  readonly onSubmit: (values: Values) => void;
  readonly onClose: () => void;
}

/**
 * The one recipe of a form: fields of `@mantine/form`, a change, and what the server said of it; see `fieldProblems`. Mounted while it
 * is open, so that it opens fresh each time.
 */
export function FormModal<Values extends Record<string, unknown>>(props: FormModalProps<Values>) {
  const { title, form, children, action, isBusy, error, onSubmit, onClose } = props;
  return (
    <Dialog onClose={onClose} title={title}>
      <form onSubmit={form.onSubmit(onSubmit)} noValidate>
        <Stack gap="md">
          {children}
          {!namesFieldOf(form, error) && <ProblemAlert error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={isBusy}>
              {action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

/** For a change's `onError`: what the server expected of each field stands at the field. */
export function fieldProblems<Values extends Record<string, unknown>>(
  form: UseFormReturnType<Values>,
): (error: Error) => void {
  return (error) => {
    if (error instanceof ProblemError) form.setErrors(error.fields);
  };
}

/** Does the error stand at a field of the form already? */
export function namesFieldOf<Values extends Record<string, unknown>>(
  form: UseFormReturnType<Values>,
  error: Error | null,
): boolean {
  return error instanceof ProblemError && Object.keys(error.fields).some((field) => field in form.getValues());
}
