import type { Counters, MemoryCounterStore, OpenCall, OutcomeRecord } from "@tollhouse/store";
import type { Gateway } from "../gateway/gateway.ts";
import type { Together } from "../limits/starting-counters.ts";
import type { NodeLimit } from "../process/node-limits.ts";
import type { OpenChecks } from "../sdk/open-checks.ts";
import type { SharedStatus } from "../system/system-status.ts";
import type { TenantRegistry } from "../tenants/tenant-registry.ts";

/**
 * What a process counts calls with, and all that follows from where that is: in its own memory, which only one process of a database may
 * do, or in Redis with others.
 */
export interface Counting {
  /** What a limit that is made is counted on at first. */
  readonly counters: MemoryCounterStore;
  countersOf(tenant: string): Counters;
  /** How a limit that is made waits for the other processes; missing: there are none. */
  readonly together?: Together;
  /** Ends what the process before left open. Once the services are loaded, and before the port opens. */
  settleLeft(gateway: Gateway, left: readonly OpenCall[]): Promise<readonly OutcomeRecord[]>;
  /** Takes part from here on, in the background: waits for no store. */
  begin(parts: BeginParts): Promise<void>;
  /** What `/ready` says it waits for. */
  waitingFor(): readonly string[];
  /** Is what others changed unknown for so long that no call may be admitted? */
  stale(): boolean;
  /** Does any node hold a reservation of this id? Null: there is no other node. */
  readonly heldAnywhere: ((tenant: string, id: string) => Promise<boolean>) | null;
  /** A tenant that is made while others are served: its counters are there before it is in force. */
  openCounters(tenant: string): Promise<void>;
  /** Null: there is nobody to share with. */
  readonly status: SharedStatus | null;
  /** What it holds only so much of. */
  bounds(): readonly NodeLimit[];
  /** From here on no new calls come. */
  drain(): void;
  /** After the last call has its end: it is told to whoever counts. */
  tellAll(): Promise<void>;
  /** `recorded`: the database has all of it. */
  close(recorded: boolean): Promise<void>;
}

export interface BeginParts {
  readonly gateway: Gateway;
  readonly checks: OpenChecks;
  readonly tenants: TenantRegistry;
  readonly address: () => string;
  /** Whose turn timed work is. */
  readonly mine: () => boolean;
}
