import { Button, Center } from "@mantine/core";
import type { Call } from "@tollhouse/contract/control-client";
import { useQueryClient } from "@tanstack/react-query";
import { useLiveCalls } from "../../api/live.ts";

/** That there are newer calls than the list shows. It does not move by itself: somebody reads it. */
export function NewCalls({ shown }: { readonly shown: readonly Call[] }) {
  const client = useQueryClient();
  const { calls } = useLiveCalls();
  const newest = Math.max(0, ...shown.map(({ sequence }) => sequence));
  const count = shown.length === 0 ? 0 : calls.filter(({ sequence }) => sequence > newest).length;
  return (
    <Center mih={30} role="status">
      {count > 0 && (
        <Button size="compact-sm" variant="light" onClick={() => void client.resetQueries({ queryKey: ["listCalls"] })}>
          {count === 1 ? "A newer call has ended: look again" : "Newer calls have ended: look again"}
        </Button>
      )}
    </Center>
  );
}
