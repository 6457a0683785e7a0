import { Paper, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

interface EmptyStateProps {
  readonly title: string;
  /** Inside a section, which has a frame of its own. */
  readonly isInner?: boolean;
  readonly children?: ReactNode;
}

/** Nothing to show yet: what would be here, and what to do so that it is. */
export function EmptyState({ title, isInner = false, children }: EmptyStateProps) {
  return (
    <Paper withBorder={!isInner} p={isInner ? "md" : "xl"}>
      <Stack gap="xs" align="center" ta="center">
        <Title order={isInner ? 3 : 2} size={isInner ? "h5" : "h4"}>
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
