import { Loader, Stack } from "@mantine/core";
import { useMay } from "../../api/session.ts";
import { useOperation } from "../../api/use-operation.ts";
import { Page } from "../../frame/page.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { Checks } from "./checks.tsx";
import { Nodes } from "./nodes.tsx";
import { ThisProcess } from "./this-process.tsx";

const REFETCH_MS = 5_000;

/** What the installation runs on, as of the last five seconds, and what is not well with it. */
export function SystemPage() {
  const mayLook = useMay("installation");
  const { data, error } = useOperation("getSystem", {}, { enabled: mayLook, refetchInterval: REFETCH_MS });
  if (!mayLook)
    return (
      <Page title="System">
        <EmptyState title="This is about the whole installation">
          The owners of its first tenant see it, and whoever has the admin key.
        </EmptyState>
      </Page>
    );
  return (
    <Page title="System">
      <Stack gap="lg">
        <ProblemAlert error={error} />
        {data === undefined && error === null && <Loader aria-label="Loading" />}
        {data !== undefined && (
          <>
            <Checks system={data} />
            <ThisProcess system={data} />
            <Nodes nodes={data.nodes} />
          </>
        )}
      </Stack>
    </Page>
  );
}
