import { Button, Code, CopyButton, Stack } from "@mantine/core";

/** Text that is made to be taken along: a secret, a command, a note. Long lines scroll within it. */
export function Copyable({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    <Stack gap={4} align="end">
      <Code block w="100%" tabIndex={0} aria-label={label}>
        {text}
      </Code>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Button variant="default" size="compact-sm" onClick={copy} aria-label={`Copy: ${label}`}>
            {copied ? "Copied" : "Copy"}
          </Button>
        )}
      </CopyButton>
    </Stack>
  );
}
