import type { Amounts } from "@tollhouse/engine";
import type { Uncounted } from "@tollhouse/store";
import type { ConsideredCall } from "./considered-call.ts";
import type { Gateway } from "./gateway.ts";
import type { RefusalInput } from "./refusal.ts";

/** Of the entry of a call that went though its limits could not be read. */
export const UNCOUNTED_DOUBT = "admitted while its limits could not be read, within what the node may spend meanwhile";

/** What others may have changed meanwhile, a kill switch for one, is not known here. */
export const STALE = "This node has not heard for too long what others changed, and admits nothing until it has";

/** A policy's own word stands before the installation's; of several policies the strictest's. */
export function failsOpen(gateway: Gateway, { policy = null }: ConsideredCall): boolean {
  return (policy?.failMode ?? gateway.settings.failMode) === "open";
}

/**
 * A call whose limits cannot be read. One that no hard limit holds goes: nothing that could be read would refuse it. Else it is refused, or,
 * where it fails open, goes within what this node may spend uncounted.
 */
export function admitUnread(
  gateway: Gateway,
  call: ConsideredCall,
  want: Amounts,
): Uncounted | Omit<RefusalInput, "decision"> {
  const { identity, decision, limits, startedMs } = call;
  const open = failsOpen(gateway, call);
  const held = limits.some(({ mode }) => mode === "hard");
  const admitted =
    open || !held ? gateway.countersOf(identity.tenant).admitUncounted(decision, limits, want, startedMs) : null;
  if (admitted !== null) return admitted;
  const message = open
    ? "The limits cannot be read right now, and the call does not fit into what this node may spend meanwhile"
    : "The limits cannot be read right now";
  return { code: "LIMITS_UNAVAILABLE", message };
}
