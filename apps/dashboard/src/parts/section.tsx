import { Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useId, type ReactNode } from "react";

interface SectionProps {
  readonly title: string;
  /** What it is for, in a sentence. */
  readonly about?: ReactNode;
  /** Beside the title: what one can do here. */
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** One subject of a page that has several. */
export function Section({ title, about, actions, children }: SectionProps) {
  const id = useId();
  return (
    <Paper withBorder p="md" component="section" aria-labelledby={id}>
      <Stack gap="sm">
        <Group justify="space-between" align="start" gap="sm">
          <Stack gap={2} flex={1} miw={220}>
            <Title order={2} size="h4" id={id}>
              {title}
            </Title>
            {about !== undefined && (
              <Text size="sm" c="dimmed" component="div" maw={720}>
                {about}
              </Text>
            )}
          </Stack>
          {actions !== undefined && <Group gap="sm">{actions}</Group>}
        </Group>
        {children}
      </Stack>
    </Paper>
  );
}
