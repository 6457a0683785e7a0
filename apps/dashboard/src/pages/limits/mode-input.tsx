import { Radio, Stack } from "@mantine/core";
import type { ReactNode } from "react";

interface ModeInputProps {
  readonly value?: string;
  readonly onChange?: (mode: string) => void;
  readonly error?: ReactNode;
}

/** What happens to a call that does not fit. */
export function ModeInput(props: ModeInputProps) {
  return (
    <Radio.Group label="A call that does not fit" {...props}>
      <Stack gap="xs" mt="xs">
        <Radio value="hard" label="is refused (hard)" />
        <Radio value="soft" label="goes through, with an alert (soft)" />
      </Stack>
    </Radio.Group>
  );
}
