import { Button, Group, Stack, Text, Title } from "@mantine/core";
import type { Block } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { useMay } from "../../api/session.ts";
import { useOperation } from "../../api/use-operation.ts";
import { Page } from "../../frame/page.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { BlockSomebody } from "./block-somebody.tsx";
import { LiftStop, type LiftedBy } from "./lift-stop.tsx";
import { StopTraffic } from "./stop-traffic.tsx";
import { StopsTable } from "./stops-table.tsx";

type Asked = "stop" | "block" | { readonly by: LiftedBy; readonly stop: Block } | null;

/** What is stopped now, whatever its budget is, and the way to stop and to let go. */
export function KillSwitchPage() {
  const mayOperate = useMay("operate");
  const [asked, setAsked] = useState<Asked>(null);
  const switches = useOperation("listKillSwitches", {});
  const blocks = useOperation("listBlocks", {});
  const close = () => setAsked(null);
  const lift = (by: LiftedBy) => (mayOperate ? (stop: Block) => setAsked({ by, stop }) : null);
  return (
    <Page
      title="Kill switch"
      actions={
        mayOperate && (
          <Button color="red" onClick={() => setAsked("stop")}>
            Stop traffic
          </Button>
        )
      }
    >
      <Stack gap="xl">
        <section aria-labelledby="kill-switches">
          <Title order={2} size="h4" id="kill-switches" mb="xs">
            Kill switches
          </Title>
          <StopsTable
            caption="Kill switches of this environment"
            stops={switches.data?.kill_switches}
            error={switches.error}
            empty={
              <EmptyState title="Nothing is stopped">
                A kill switch refuses new calls of a scope at once, and ends those that are running. Before it is pulled
                you see who would be hit.
              </EmptyState>
            }
            lift={lift("deleteKillSwitch")}
            liftLabel="Lift"
          />
        </section>
        <section aria-labelledby="blocklist">
          <Group justify="space-between" mb="xs">
            <Title order={2} size="h4" id="blocklist">
              Blocklist
            </Title>
            {mayOperate && (
              <Button variant="default" onClick={() => setAsked("block")}>
                Block somebody
              </Button>
            )}
          </Group>
          <StopsTable
            caption="Blocklist of this environment"
            stops={blocks.data?.blocks}
            error={blocks.error}
            empty={
              <EmptyState title="Nobody is blocked">
                <Text size="sm">
                  Users, customers and keys can be blocked, for a time or until somebody unblocks them.
                </Text>
              </EmptyState>
            }
            lift={lift("deleteBlock")}
            liftLabel="Unblock"
          />
        </section>
      </Stack>
      {asked === "stop" && <StopTraffic onClose={close} />}
      {asked === "block" && <BlockSomebody onClose={close} />}
      {asked !== null && typeof asked === "object" && <LiftStop {...asked} onClose={close} />}
    </Page>
  );
}
