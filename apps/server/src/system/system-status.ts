import type { Role, SystemAnswer, SystemNode, SystemRedis } from "@tollhouse/contract";
import { formatNano } from "@tollhouse/engine";
import { worstOverspend, type Database, type Recorder } from "@tollhouse/store";
import type { Gateway } from "../gateway/gateway.ts";
import type { OpenChecks } from "../sdk/open-checks.ts";

export interface SystemParts {
  readonly node: { readonly id: string; readonly name: string; readonly version: string; readonly startedMs: number };
  readonly roles: readonly Role[];
  readonly address: () => string;
  readonly gateway: Gateway;
  readonly checks: OpenChecks;
  readonly recorder: Pick<Recorder, "lag">;
  /** Chains whose head could not be signed when it was last tried here. */
  readonly notSigned: () => { readonly chains: number; readonly problem: string } | null;
  readonly spoolBytesMax: number;
  readonly embedded: boolean;
  /** As the installation. */
  readonly db: Database;
  readonly waitingFor: () => readonly string[];
  /** Where several processes share their counters. */
  readonly shared: SharedStatus | null;
}

/** What only processes that share their counters have to tell. */
export interface SharedStatus {
  nodes(): Promise<SystemNode[]>;
  redis(): Promise<SystemRedis>;
  /** Nano-dollars. */
  allowance(): { readonly of: bigint; readonly used: bigint };
}

/** Whoever asks waits at most this long for a store that does not answer. */
const ANSWER_MS = 2_000;

/** What the installation runs on, as this process sees it now. Answers also while PostgreSQL and Redis do not. */
export async function systemStatus(parts: SystemParts): Promise<SystemAnswer> {
  const { shared, db, gateway } = parts;
  const { spool } = gateway;
  const startedAt = performance.now();
  const waiting = [...parts.waitingFor()];
  const [overspend, nodes, redis] = await Promise.all([
    inTime(worstOverspend(db).then((amount) => ({ amount, latencyMs: performance.now() - startedAt }))),
    shared === null ? [alone(parts)] : inTime(shared.nodes()),
    shared === null ? null : shared.redis(),
  ]);
  const { bytes, refusing } = spool.state();
  const notSigned = parts.notSigned();
  return {
    node: {
      ...named(parts),
      counters: shared === null ? "memory" : "redis",
      ready: waiting.length === 0,
      waiting_for: waiting,
    },
    nodes,
    postgresql: { embedded: parts.embedded, reachable: overspend !== null, latency_ms: rounded(overspend?.latencyMs) },
    redis: redis === null ? null : { ...redis, latency_ms: rounded(redis.latency_ms) },
    spool: { bytes, bytes_max: parts.spoolBytesMax, refusing },
    recorder: parts.recorder.lag(),
    ledger: { chains_not_signed: notSigned?.chains ?? 0, problem: notSigned?.problem ?? null },
    reservations: reservations(parts),
    allowance: shared === null ? null : allowanceOf(shared),
    worst_overspend: overspend === null ? null : formatNano(overspend.amount),
  };
}

type Named = Pick<SystemNode, "id" | "name" | "version" | "address" | "roles" | "started_at">;

function named({ node, roles, address }: SystemParts): Named {
  const { id, name, version, startedMs } = node;
  return { id, name, version, address: address(), roles: [...roles], started_at: new Date(startedMs).toISOString() };
}

/** The one process there is. */
function alone(parts: SystemParts): SystemNode {
  const { gateway, checks } = parts;
  return {
    ...named(parts),
    state: gateway.state.closing ? "draining" : "up",
    live: true,
    last_beat_at: new Date(gateway.now()).toISOString(),
    configuration: null,
    calls_in_flight: gateway.state.inFlight,
    reservations: gateway.state.inFlight + checks.size,
    spool_bytes: gateway.spool.state().bytes,
    untold: 0,
  };
}

function reservations({ gateway, checks }: SystemParts): SystemAnswer["reservations"] {
  let oldest = checks.oldestMs;
  for (const { call } of gateway.exchanges) oldest = Math.min(oldest, call.startedMs);
  const pending = gateway.state.inFlight + checks.size;
  return { pending, oldest_at: oldest === Infinity ? null : new Date(oldest).toISOString() };
}

function allowanceOf(shared: SharedStatus): { of: string; used: string } {
  const { of, used } = shared.allowance();
  return { of: formatNano(of), used: formatNano(used) };
}

function rounded(ms: number | null | undefined): number | null {
  return ms === null || ms === undefined ? null : Math.round(ms * 100) / 100;
}

/** Null where it fails or does not come in time: what nobody answered is not known. */
export async function inTime<T>(work: Promise<T>): Promise<T | null> {
  const { promise: late, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), ANSWER_MS);
  try {
    return await Promise.race([work, late]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}
