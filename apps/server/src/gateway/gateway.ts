import type { LimitSnapshot, PriceBook } from "@tollhouse/engine";
import type { Counters, Spool } from "@tollhouse/store";
import type { Place } from "../place.ts";
import type { SettledTap } from "../limits/settled-tap.ts";
import type { AnomalyMonitor } from "../anomalies/anomaly-monitor.ts";
import type { BlockSnapshot } from "../blocks/block-snapshot.ts";
import type { PolicyRules } from "../policies/load-policies.ts";
import type { NodeLoad } from "../process/node-load.ts";
import type { ProviderKeyService } from "../provider-keys/provider-key-service.ts";
import type { TokenCounter } from "../tokens/count-tokens.ts";
import type { EndedCall } from "./ended-call.ts";
import type { IdentifySettings } from "./identify.ts";
import type { OutputProfile } from "./output-profile.ts";
import type { RunningCalls } from "./running-calls.ts";

/** Everything a call needs, made once at start. The call path reads nothing else: no settings, no environment, no globals. */
export interface Gateway {
  readonly settings: GatewaySettings;
  readonly identity: IdentifySettings;
  /** The snapshot in force in an environment; swapped as a whole when a limit of it changes. */
  limits(place: Place): LimitSnapshot;
  /** What is stopped in an environment: kill switches, blocklist, frozen sessions; swapped as a whole too. */
  blocks(place: Place): BlockSnapshot;
  /** Policies and plans in force in an environment. */
  policies(place: Place): PolicyRules;
  /** A tenant's own provider keys in an environment. */
  providerKeys(place: Place): Pick<ProviderKeyService, "find">;
  /** What an environment's anomaly rules have counted, and what they say. */
  anomalies(place: Place): AnomalyMonitor;
  /** In memory: the same for every tenant. */
  countersOf(tenant: string): Counters;
  readonly prices: PriceBook;
  readonly spool: Spool;
  readonly tokens: TokenCounter;
  readonly profile: OutputProfile;
  /** Told of every call that settled, for limits that are being made. */
  readonly tap: SettledTap;
  /** Told once of every call that ended, blocked ones included: log line and metrics. */
  ended(call: EndedCall): void;
  /** A bug of ours, on the way of a call that already has its reservation: logged as such. */
  failed(error: unknown): void;
  /** Milliseconds since 1970, never going backwards. */
  now(): number;
  /** Calls under way, so that a shutdown can wait for them and end the rest. */
  readonly exchanges: RunningCalls;
  readonly state: GatewayState;
  /** Of several processes: has this one not heard for too long what the others changed? Then it admits nothing. */
  readonly stale?: () => boolean;
  /** What the node holds, against its bounds. */
  readonly load: NodeLoad;
}

export interface GatewayState {
  /** Set at shutdown: new calls are refused. */
  closing: boolean;
  inFlight: number;
  /** Calls whose client is gone and whose upstream is still being read to its usage. */
  drains: number;
}

export interface GatewaySettings {
  readonly bodyBytesMax: number;
  readonly bodyTimeoutMs: number;
  readonly drainsMax: number;
  readonly drainMs: number;
  /** Largest whole answer that is held in memory to read its usage. */
  readonly answerBytesMax: number;
  /** What happens to a call whose limits cannot be read, where no policy says. */
  readonly failMode: "closed" | "open";
}
