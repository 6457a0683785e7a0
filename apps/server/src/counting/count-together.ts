import {
  configurationVersion,
  CountersOfNode,
  INSTALLATION_ROLE,
  loadDeploymentId,
  MemoryCounterStore,
  StartRefused,
  type NodeCountersState,
  type OpenDatabase,
  type RedisCounters,
  type Recorder,
  type Spool,
} from "@tollhouse/store";
import { connectRedis } from "@tollhouse/store/redis-counters";
import { countAbandoned } from "../configuration/count-abandoned.ts";
import { NodeProgress } from "../configuration/node-progress.ts";
import { loadFollower, type Follower } from "../configuration/load-follower.ts";
import { settleLeftCalls } from "../gateway/settle-left-calls.ts";
import { startSweeper, type Sweeper } from "../jobs/sweeper.ts";
import { loadNodes, type Nodes } from "../nodes/load-nodes.ts";
import type { Logger } from "../process/logger.ts";
import type { NodeLimit } from "../process/node-limits.ts";
import type { Settings } from "../settings.ts";
import { sharedStatus } from "../system/shared-status.ts";
import type { TenantRegistry } from "../tenants/tenant-registry.ts";
import { VERSION } from "../version.ts";
import type { BeginParts, Counting } from "./counting.ts";
import { OverspendWatch } from "./overspend-watch.ts";

export interface TogetherParts {
  readonly settings: Settings;
  readonly redisUrls: readonly string[];
  readonly nodeName: string;
  readonly db: OpenDatabase;
  readonly spool: Spool;
  /** Had it no record when it was opened? */
  readonly spoolWasEmpty: boolean;
  readonly recorder: Recorder;
  readonly logger: Logger;
  /** The process cannot go on. */
  readonly onDeath: (reason: string) => void;
}

/** What is asked for is kept as long as its own node would keep it. */
const HOLD_MS = 30_000;
/** A server that answers at all does so at once; one that does not is waited for behind the open port. */
const JOIN_MS = 1_000;

/**
 * Counters in Redis, shared with every other process on the database (docs/adr/0016). Does not wait for a Redis that is away; throws
 * StartRefused (REDIS_UNUSABLE) where one answers that can never be used as it is.
 */
export async function startTogether(parts: TogetherParts): Promise<Counting> {
  const { db, settings } = parts;
  const installation = await loadDeploymentId(db);
  const redis = connectRedis({ urls: parts.redisUrls, installation, node: parts.spool.node });
  await assertUsable(redis, parts.logger);
  // Before anything of it is loaded: what changes meanwhile is read again.
  const since = await configurationVersion(db);
  const part = new Part(parts, redis, since);
  return {
    counters: new MemoryCounterStore(),
    countersOf: (tenant) => part.ofNode.of(tenant),
    together: part.progress,
    settleLeft: (gateway, left) => settleLeftCalls(gateway, left, null),
    begin: (given) => part.begin(given),
    waitingFor: () => part.waitingFor(),
    stale: () => settings.failMode === "closed" && part.stale,
    heldAnywhere: async (tenant, id) => (await redis.of(tenant).keepAlive([id], Date.now() + HOLD_MS)).length === 0,
    // One that has none yet is found by its first call, and is counted anew with all others then.
    openCounters: (tenant) => redis.open(tenant).catch(() => undefined),
    status: sharedStatus({ db, redis, ofNode: part.ofNode }),
    bounds: () => boundsOf(part.ofNode.state()),
    drain: () => part.nodes?.drain(),
    tellAll: () => part.tellAll(),
    close: (recorded) => part.close(recorded),
  };
}

const LEFT_MS = 5_000;

function asFields(error: unknown): { readonly error: Error } {
  return { error: error instanceof Error ? error : new Error(String(error)) };
}

async function assertUsable(redis: RedisCounters, logger: Logger): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<"late">();
  const timer = setTimeout(() => resolve("late"), JOIN_MS);
  const joined = redis.joined().then(
    () => null,
    (error: unknown) => error as Error,
  );
  const answer = await Promise.race([joined, late]);
  clearTimeout(timer);
  if (answer === "late")
    return logger.warning("Redis cannot be used yet, and no call is admitted until it can", { reason: redis.trouble });
  if (answer === null) return;
  await redis.close();
  throw new StartRefused("REDIS_UNUSABLE", `REDIS_URL: ${answer.message}`, answer);
}

function boundsOf({ untold, untoldMax, allowance }: NodeCountersState): readonly NodeLimit[] {
  return [
    { name: "untold_ends", used: untold, max: untoldMax },
    { name: "uncounted_usd", used: Number(allowance.used) / 1e9, max: Number(allowance.of) / 1e9 },
  ];
}

/** The part that this process takes among the nodes. */
class Part {
  readonly ofNode: CountersOfNode;
  readonly progress: NodeProgress;
  readonly #parts: TogetherParts;
  readonly #redis: RedisCounters;
  readonly #since: bigint;
  readonly #watch = new OverspendWatch();
  #nodes: Nodes | null = null;
  #follower: Follower | null = null;
  #sweeper: Sweeper | null = null;
  #told = false;
  #countingLeft: NodeJS.Timeout | null = null;
  #countsLeft = false;

  constructor(parts: TogetherParts, redis: RedisCounters, since: bigint) {
    this.#parts = parts;
    this.#redis = redis;
    this.#since = since;
    const { settings, logger } = parts;
    this.ofNode = new CountersOfNode({
      shared: redis,
      admitting: () => this.#nodes?.admitting() === true,
      untilAdmitting: (ms) => this.#nodes?.untilAdmitting(ms) ?? Promise.resolve(false),
      writtenOut: () => parts.spool.writeOut() !== null,
      now: Date.now,
      allowance: settings.failOpenAllowance,
      failed: (error) => logger.error("the shared counters failed in Tollhouse", { error: error as Error }),
      distrust: (reason) => this.#nodes?.noticed(reason),
      onOverrun: ({ reservationId, limit, amount }) =>
        logger.error("a call cost more than was reserved for it", {
          decision_id: `dec_${reservationId}`,
          limit: limit.id,
          amount,
        }),
      held: (states) => this.#watch.see(states),
    });
    this.progress = new NodeProgress({
      db: parts.db,
      recorder: parts.recorder,
      adjust: (tenant, id, changes, told) => this.ofNode.of(tenant).adjust(id, changes, told),
      failed: (error) => logger.warning("the other nodes could not be told of the configuration here", asFields(error)),
    });
  }

  get nodes(): Nodes | null {
    return this.#nodes;
  }

  /** Not before it follows the configuration: until then what is in force is what the start has just read. */
  get stale(): boolean {
    return this.#follower?.stale() === true;
  }

  async begin({ gateway, checks, tenants, address, mine }: BeginParts): Promise<void> {
    const { settings, db, spool, recorder, logger, onDeath } = this.#parts;
    const staleMs = settings.configurationStaleSeconds * 1_000;
    this.#follower = await loadFollower({
      url: db.url,
      registry: tenants,
      since: this.#since,
      staleMs,
      loaded: (version) => this.progress.loaded(version),
      logger,
    });
    // What the process before has ended is counted by the rebuild that this one asks for.
    await recorder.drained();
    this.#nodes = loadNodes({
      databaseUrl: db.url,
      role: INSTALLATION_ROLE,
      spool,
      recorder,
      spoolWasEmpty: this.#parts.spoolWasEmpty,
      counters: this.#redis,
      teller: this.ofNode,
      node: { name: this.#parts.nodeName, roles: settings.roles, version: VERSION, address },
      figures: () => ({
        spoolBytes: spool.state().bytes,
        inFlight: gateway.state.inFlight,
        pending: gateway.state.inFlight + checks.size,
        untold: this.ofNode.state().untold,
        overspendMax: this.#watch.worst,
      }),
      withoutDatabaseMs: staleMs,
      onReplaced: onDeath,
      logger,
      now: Date.now,
    });
    this.progress.joined({ node: spool.node, instance: this.#nodes.instance });
    this.#countingLeft = setInterval(() => void this.#countLeft(tenants), LEFT_MS);
    this.#countingLeft.unref();
    this.#sweeper = startSweeper({
      db,
      spool,
      recorder,
      shared: this.#redis,
      admitting: () => this.#nodes?.admitting() === true,
      mine,
      tenants: () => tenants.all().map(({ id }) => id),
      logger,
      now: Date.now,
    });
  }

  /** What another process has put in force, and ended before it was counted. One look at a time: each may wait for all the other nodes. */
  async #countLeft(tenants: TenantRegistry): Promise<void> {
    const { db, logger } = this.#parts;
    if (this.#countsLeft || this.#nodes?.admitting() !== true) return;
    this.#countsLeft = true;
    await countAbandoned(db, tenants).catch((error: unknown) =>
      logger.warning("what another process has left uncounted is not counted yet; tried again", asFields(error)),
    );
    this.#countsLeft = false;
  }

  waitingFor(): string[] {
    const waiting: string[] = [];
    const counters = this.#nodes === null ? "counters" : this.#nodes.waitingFor();
    if (counters !== null) waiting.push(counters);
    if (this.#follower === null || this.#follower.stale()) waiting.push("configuration");
    return waiting;
  }

  async tellAll(): Promise<void> {
    if (this.#countingLeft !== null) clearInterval(this.#countingLeft);
    await this.#sweeper?.close();
    await this.#follower?.close();
    this.#told = await this.ofNode.close();
  }

  async close(recorded: boolean): Promise<void> {
    await this.#nodes?.close({ clean: recorded && this.#told });
    await this.#redis.close();
  }
}
