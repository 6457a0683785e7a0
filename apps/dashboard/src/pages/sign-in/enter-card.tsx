import { Center, Paper, Stack, Text, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import type { ReactNode } from "react";

interface EnterCardProps {
  readonly title: string;
  readonly children: ReactNode;
}

/** The one thing on a page of somebody who is not signed in. */
export function EnterCard({ title, children }: EnterCardProps) {
  useDocumentTitle(`${title} · Tollhouse`);
  return (
    <Center mih="100vh" component="main" p="md">
      <Stack w="100%" maw={420} gap="lg">
        <Text fw={700} ta="center" aria-hidden>
          Tollhouse
        </Text>
        <Paper withBorder p={{ base: "lg", xs: "xl" }}>
          <Stack>
            <Title order={1} size="h3">
              {title}
            </Title>
            {children}
          </Stack>
        </Paper>
      </Stack>
    </Center>
  );
}
