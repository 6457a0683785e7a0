import { Button, Group } from "@mantine/core";
import type { ErrorComponentProps } from "@tanstack/react-router";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { Page } from "./page.tsx";

/** A bug of a page ends the page, and not what is around it. */
export function PageFailed({ error, reset }: ErrorComponentProps) {
  return (
    <Page title="This page failed">
      <ProblemAlert error={error instanceof Error ? error : new Error(String(error))} />
      <Group mt="md">
        <Button onClick={reset}>Try again</Button>
      </Group>
    </Page>
  );
}
