import { Alert, List, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import type { KillSwitchEverywhere, KillSwitchPreviewEverywhere } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { Dialog } from "../../parts/dialog.tsx";
import { useChange } from "../../api/use-operation.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { expiryOf } from "../../parts/expiry-input.tsx";
import { formatCount } from "../../parts/format.ts";
import { Scope } from "../../parts/scope.tsx";
import { endedWords } from "./ended-words.ts";
import { RunningCalls } from "./running-calls.tsx";
import { STOPS } from "./stops.ts";

export type Hit = KillSwitchPreviewEverywhere;

export interface StopAsked extends Record<string, unknown> {
  readonly scope: string;
  readonly reason: string;
  readonly expires_in: string;
  readonly everywhere: boolean;
}

interface ConfirmStopProps {
  readonly asked: StopAsked;
  readonly hit: Hit;
  readonly onClose: () => void;
}

export function ConfirmStop({ asked, hit, onClose }: ConfirmStopProps) {
  const { scope, reason, expires_in } = asked;
  const [partly, setPartly] = useState<KillSwitchEverywhere | null>(null);
  const done = (ended: number): void => {
    notifications.show({ color: "red", message: `Stopped ${scope}. ${endedWords(ended)}` });
    onClose();
  };
  const here = useChange("createKillSwitch", STOPS, ({ ended_calls }) => done(ended_calls));
  const everywhere = useChange("createKillSwitchEverywhere", STOPS, (made) => {
    if (made.not_changed.length > 0) setPartly(made);
    else done(made.kill_switches.reduce((sum, { ended_calls }) => sum + ended_calls, 0));
  });
  if (partly !== null) return <StoppedPartly made={partly} onClose={onClose} />;
  const stop = asked.everywhere ? everywhere : here;
  return (
    <Confirm
      title={asked.everywhere ? "Stop it in every environment?" : "Stop it?"}
      action="Stop it now"
      typed={scope}
      isBusy={stop.isPending}
      error={stop.error}
      onConfirm={() => stop.mutate({ input: { body: { scope, reason, ...expiryOf(expires_in) } } })}
      onClose={onClose}
    >
      <WhoIsHit hit={hit} />
    </Confirm>
  );
}

function WhoIsHit({ hit }: { readonly hit: Hit }) {
  const { scope, calls_last_hour, running_calls, running, environments } = hit;
  return (
    <Stack gap="sm">
      <div>
        New calls of <Scope scope={scope} /> are refused, and those that are running are ended: what they made until
        then is paid for.
      </div>
      <div>
        <strong>{formatCount(running_calls)}</strong> running now, <strong>{formatCount(calls_last_hour)}</strong> let
        through in the last hour.
      </div>
      {environments.length > 1 && (
        <List size="sm">
          {environments.map(({ environment, running_calls: runs, calls_last_hour: calls }) => (
            <List.Item key={environment}>
              {environment}: {formatCount(runs)} running, {formatCount(calls)} in the last hour
            </List.Item>
          ))}
        </List>
      )}
      {running.length > 0 && <RunningCalls calls={running} />}
    </Stack>
  );
}

function StoppedPartly({ made, onClose }: { readonly made: KillSwitchEverywhere; readonly onClose: () => void }) {
  return (
    <Dialog onClose={onClose} title="Not stopped everywhere">
      <Alert color="red" role="alert" title="It still goes through in these environments">
        <List size="sm">
          {made.not_changed.map(({ environment, reason_code, detail }) => (
            <List.Item key={environment}>
              {environment}: {detail} ({reason_code})
            </List.Item>
          ))}
        </List>
      </Alert>
      <Text size="sm" mt="md">
        Stopped in: {made.kill_switches.map(({ environment }) => environment).join(", ") || "none"}.
      </Text>
    </Dialog>
  );
}
