import { Badge } from "@mantine/core";
import { useLiveCalls } from "../../api/live.ts";
import { useOperation } from "../../api/use-operation.ts";
import { CallsTable } from "../../parts/calls-table.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { Panel } from "../../parts/panel.tsx";

const ROWS = 10;

/** Calls as they end, newest first: those that were there when the page was opened, and those told of since. */
export function LiveFeed() {
  const { calls: told, isLive } = useLiveCalls();
  const { data, error, isPending } = useOperation("listCalls", { query: { limit: ROWS } });
  const isTold = new Set(told.map(({ decision }) => decision));
  const calls = [...told, ...(data?.calls ?? []).filter(({ decision }) => !isTold.has(decision))].slice(0, ROWS);
  return (
    <Panel
      title="Newest calls"
      actions={
        <Badge variant="dot" color={isLive ? "toll" : "gray"}>
          {isLive ? "live" : "not live"}
        </Badge>
      }
    >
      <CallsTable
        caption="Newest calls"
        isShort
        rows={calls}
        isPending={isPending}
        error={error}
        empty={<EmptyState title="No calls yet">They stand here as they end.</EmptyState>}
      />
    </Panel>
  );
}
