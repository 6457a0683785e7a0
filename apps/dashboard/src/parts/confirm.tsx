import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { Dialog } from "./dialog.tsx";
import { ProblemAlert } from "./problem-alert.tsx";

interface ConfirmProps {
  readonly title: string;
  readonly children: ReactNode;
  /** The button that does it: what it does, in a verb. */
  readonly action: string;
  /** What must be typed before, where it cannot be taken back or hits many. */
  readonly typed?: string;
  readonly isBusy: boolean;
  readonly error: Error | null;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** A last look before something is done. Mounted while it is asked. */
export function Confirm({ title, children, action, typed, isBusy, error, onConfirm, onClose }: ConfirmProps) {
  const [text, setText] = useState("");
  return (
    <Dialog onClose={onClose} title={title}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (typed === undefined || text === typed) onConfirm();
        }}
      >
        <Stack gap="md">
          <Text component="div" size="sm">
            {children}
          </Text>
          {typed !== undefined && (
            <TextInput
              label={`Type ${typed} to confirm`}
              value={text}
              autoComplete="off"
              onChange={({ currentTarget }) => setText(currentTarget.value)}
            />
          )}
          <ProblemAlert error={error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" color="red" loading={isBusy} disabled={typed !== undefined && text !== typed}>
              {action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
