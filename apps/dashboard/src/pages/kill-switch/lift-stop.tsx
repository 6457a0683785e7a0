import type { Block } from "@tollhouse/contract/control-client";
import { useChange } from "../../api/use-operation.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { Scope } from "../../parts/scope.tsx";
import { STOPS } from "./stops.ts";

export type LiftedBy = "deleteKillSwitch" | "deleteBlock";

interface LiftStopProps {
  readonly by: LiftedBy;
  readonly stop: Block;
  readonly onClose: () => void;
}

/** Lets calls through again. */
export function LiftStop({ by, stop, onClose }: LiftStopProps) {
  const lift = useChange(by, STOPS, onClose);
  const isKillSwitch = by === "deleteKillSwitch";
  return (
    <Confirm
      title={isKillSwitch ? "Lift this kill switch?" : "Unblock?"}
      action={isKillSwitch ? "Lift" : "Unblock"}
      isBusy={lift.isPending}
      error={lift.error}
      onConfirm={() => lift.mutate({ input: { params: { id: stop.id } } })}
      onClose={onClose}
    >
      Calls of <Scope scope={stop.scope} /> go through again at once, as far as their limits let them. They were stopped
      for this reason: {stop.reason}.
    </Confirm>
  );
}
