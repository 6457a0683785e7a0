import type { Block } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { useMay } from "../../api/session.ts";
import { useOperation } from "../../api/use-operation.ts";
import { Section } from "../../parts/section.tsx";
import { LiftStop } from "../kill-switch/lift-stop.tsx";
import { StopsTable } from "../kill-switch/stops-table.tsx";

/** Whether, why and until when a user or a customer is blocked; nothing where it is not. */
export function OwnBlocks({ scope }: { readonly scope: string }) {
  const mayOperate = useMay("operate");
  const [lifted, setLifted] = useState<Block | null>(null);
  const { data, error } = useOperation("listBlocks", { query: { scope } });
  const blocks = data?.blocks ?? [];
  if (blocks.length === 0 && error === null) return null;
  return (
    <Section title="Blocked">
      <StopsTable
        caption={`Blocks of ${scope}`}
        stops={blocks}
        error={error}
        empty={null}
        lift={mayOperate ? setLifted : null}
        liftLabel="Unblock"
      />
      {lifted !== null && <LiftStop by="deleteBlock" stop={lifted} onClose={() => setLifted(null)} />}
    </Section>
  );
}
