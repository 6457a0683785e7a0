import { Button, Group, Stack, Text } from "@mantine/core";
import type { Payload } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { ProblemError } from "../../api/problem.ts";
import { useOperation } from "../../api/use-operation.ts";
import { Copyable } from "../../parts/copyable.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";

/** What was asked and answered, where that was kept. Opened only by whoever wants to read it. */
export function CallTexts({ decision }: { readonly decision: string }) {
  const [isWanted, setWanted] = useState(false);
  const { data, error } = useOperation("getPayload", { params: { id: decision } }, { enabled: isWanted });
  const isNone = error instanceof ProblemError && error.status === 404;
  return (
    <Panel title="Its texts">
      <Stack gap="sm">
        {!isWanted && (
          <>
            <Text size="sm">Kept only where Settings say so, and only of calls that the SDK recorded with them.</Text>
            <Group>
              <Button variant="default" onClick={() => setWanted(true)}>
                Show its texts
              </Button>
            </Group>
          </>
        )}
        {isNone ? <Text size="sm">None are kept of this call.</Text> : <ProblemAlert error={error} />}
        {data !== undefined && <Texts payload={data} />}
      </Stack>
    </Panel>
  );
}

function Texts({ payload: { request, response, expires_at } }: { readonly payload: Payload }) {
  return (
    <>
      <Copyable label="What was asked" text={textOf(request)} />
      <Copyable label="What was answered" text={textOf(response)} />
      <Text size="sm">
        Deleted at <Moment at={expires_at} />.
      </Text>
    </>
  );
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}
