/** What a process does: calls and SDK; control API and pages; work in the background. */
export const ROLES = ["gateway", "control", "jobs"] as const;
export type Role = (typeof ROLES)[number];

/** `GET /api/v1/system`: what an installation runs on. Amounts are US dollars. */
export interface SystemAnswer {
  /** The process that answers. */
  node: {
    id: string;
    name: string;
    version: string;
    address: string;
    roles: Role[];
    started_at: string;
    /** Where counters are: in this process, or in Redis for all. */
    counters: "memory" | "redis";
    ready: boolean;
    /** As `/ready` says it. */
    waiting_for: string[];
  };
  /** Every process on the database; null: the database does not answer. */
  nodes: SystemNode[] | null;
  postgresql: { embedded: boolean; reachable: boolean; latency_ms: number | null };
  /** Null: counters are in memory. */
  redis: SystemRedis | null;
  /** Of this node. */
  spool: { bytes: number; bytes_max: number; refusing: string | null };
  /** In the spool of this node, and not in the ledger yet. */
  recorder: { bytes: number; records: number };
  /** Of this node: ledgers whose checkpoint could not be signed when it was last tried, and why. */
  ledger: { chains_not_signed: number; problem: string | null };
  /** Of this node: what calls and checks hold. */
  reservations: { pending: number; oldest_at: string | null };
  /** What this node may admit while shared counters cannot be asked; null: counters are in memory. */
  allowance: { of: string; used: string } | null;
  /** The most that a hard limit ever stood above its amount: must be 0. Null: nobody can say. */
  worst_overspend: string | null;
}

export interface SystemNode {
  id: string;
  name: string;
  version: string;
  address: string;
  roles: Role[];
  state: "up" | "draining" | "stopped";
  /** Was it heard of within its lease? */
  live: boolean;
  last_beat_at: string;
  started_at: string;
  /** Of the rules it has: a number that grows with each change. `behind`: others have newer ones. Null: it is alone. */
  configuration: { version: number; behind: boolean } | null;
  calls_in_flight: number;
  reservations: number;
  spool_bytes: number;
  /** Ends of calls that the shared counters have not been told yet. */
  untold: number;
}

export interface SystemRedis {
  reachable: boolean;
  latency_ms: number | null;
  servers: string[];
  /** Why not all of it can be used; null: it can. */
  problem: string | null;
  /** Numbers the makings of the counters; null: the database does not answer. */
  fence: { epoch: string; state: "open" | "closed"; since: string; why: string } | null;
}
