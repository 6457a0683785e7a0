import { Button, Stack } from "@mantine/core";
import type { Block } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { useMay } from "../../api/session.ts";
import { useOperation, usePages } from "../../api/use-operation.ts";
import { Page } from "../../frame/page.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { Section } from "../../parts/section.tsx";
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
  const blocks = usePages("listBlocks", {}, (page) => page.blocks);
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
        <Section title="Kill switches">
          <StopsTable
            caption="Kill switches of this environment"
            stops={switches.data?.kill_switches}
            error={switches.error}
            empty={
              <EmptyState isInner title="Nothing is stopped">
                A kill switch refuses new calls of a scope at once, and ends those that are running. Before it is pulled
                you see who would be hit.
              </EmptyState>
            }
            lift={lift("deleteKillSwitch")}
            liftLabel="Lift"
          />
        </Section>
        <Section
          title="Blocklist"
          actions={
            mayOperate && (
              <Button variant="default" onClick={() => setAsked("block")}>
                Block somebody
              </Button>
            )
          }
        >
          <StopsTable
            caption="Blocklist of this environment"
            stops={blocks.isPending ? undefined : blocks.rows}
            error={blocks.error}
            more={blocks.more}
            isLoadingMore={blocks.isLoadingMore}
            empty={
              <EmptyState isInner title="Nobody is blocked">
                Users, customers and keys can be blocked, for a time or until somebody unblocks them.
              </EmptyState>
            }
            lift={lift("deleteBlock")}
            liftLabel="Unblock"
          />
        </Section>
      </Stack>
      {asked === "stop" && <StopTraffic onClose={close} />}
      {asked === "block" && <BlockSomebody onClose={close} />}
      {asked !== null && typeof asked === "object" && <LiftStop {...asked} onClose={close} />}
    </Page>
  );
}
