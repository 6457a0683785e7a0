import { Box, Group, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import type { ReactNode } from "react";

interface PageProps {
  readonly title: string;
  /** Beside the title: what one can do here. */
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** The frame of one page's own part: its one `h1`, its actions, its content. */
export function Page({ title, actions, children }: PageProps) {
  useDocumentTitle(`${title} · Tollhouse`);
  return (
    <>
      <Group justify="space-between" align="center" mb="lg" gap="sm">
        <Title order={1} size="h2">
          {title}
        </Title>
        {actions !== undefined && <Group gap="sm">{actions}</Group>}
      </Group>
      <Box>{children}</Box>
    </>
  );
}
