import type { Role, SystemNode, SystemRedis } from "@tollhouse/contract";
import {
  configurationVersion,
  listNodes,
  readFence,
  type CountersOfNode,
  type Database,
  type NodeRow,
  type RedisCounters,
} from "@tollhouse/store";
import { inTime, type SharedStatus } from "./system-status.ts";

export interface SharedStatusParts {
  /** As the installation. */
  readonly db: Database;
  readonly redis: Pick<RedisCounters, "health" | "trouble">;
  readonly ofNode: CountersOfNode;
}

export function sharedStatus({ db, redis, ofNode }: SharedStatusParts): SharedStatus {
  return {
    async nodes() {
      const [newest, rows] = await Promise.all([configurationVersion(db), listNodes(db)]);
      return rows.map((row) => describe(row, newest));
    },
    redis: () => statusOf(db, redis),
    allowance: () => ofNode.state().allowance,
  };
}

async function statusOf(db: Database, redis: SharedStatusParts["redis"]): Promise<SystemRedis> {
  const [health, fence] = await Promise.all([redis.health(), inTime(readFence(db))]);
  return {
    reachable: health.reachable,
    latency_ms: health.latencyMs,
    servers: [...health.nodes],
    problem: redis.trouble,
    fence:
      fence === null
        ? null
        : {
            epoch: String(fence.epoch),
            state: fence.state,
            since: fence.since.toISOString(),
            why: fence.reason,
          },
  };
}

function describe(row: NodeRow, newest: bigint): SystemNode {
  return {
    id: row.id,
    name: row.name,
    version: row.version,
    address: row.address,
    roles: [...row.roles] as Role[],
    state: row.state,
    live: row.live,
    last_beat_at: row.heartbeat_at.toISOString(),
    started_at: row.started_at.toISOString(),
    configuration: { version: Number(row.configuration_version), behind: row.configuration_version < newest },
    calls_in_flight: Number(row.in_flight),
    reservations: Number(row.pending_reservations),
    spool_bytes: Number(row.spool_bytes),
    untold: Number(row.untold),
  };
}
