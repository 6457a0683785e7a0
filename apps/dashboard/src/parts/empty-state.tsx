import { Paper, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

/** Nothing to show yet: what would be here, and what to do so that it is. */
export function EmptyState({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <Paper withBorder p="xl">
      <Stack gap="xs" align="center" ta="center">
        <Title order={2} size="h4">
          {title}
        </Title>
        {children !== undefined && (
          <Text component="div" c="dimmed" size="sm" maw={560}>
            {children}
          </Text>
        )}
      </Stack>
    </Paper>
  );
}
