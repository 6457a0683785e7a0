import { randomBytes, randomInt } from "node:crypto";
import { writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import {
  comparePositions,
  CountersOfNode,
  CountersUnavailable,
  DEFAULT_TENANT,
  INSTALLATION_ROLE,
  loadRecorderState,
  openDatabase,
  openSpool,
  recordedCalls,
  recoverSpool,
  settleRecovered,
  SPOOL_START,
  startRecorder,
  type CounterDelta,
  type IntentRecord,
  type OutcomeRecord,
} from "@tollhouse/store";
import { connectRedis } from "@tollhouse/store/redis-counters";
import { createLogger } from "../process/logger.ts";
import { loadNodes } from "./load-nodes.ts";
import { LATE, ROLLING, TIGHT, WIDE } from "./sample-limits.ts";

/**
 * One node for rebuild.real.test.ts, as a server starts one, without HTTP and providers: calls go on all the time. A line of JSON each
 * 50 ms says how it is. SIGUSR2: no more calls, and a line `"rest": true` once all there was is told and recorded; again: go on.
 * SIGTERM: leaves.
 */
const [dir = "", databaseUrl = "", redisUrl = "", name = ""] = process.argv.slice(2);
const LANES = 16;
const say = (line: object): unknown => writeSync(1, `${JSON.stringify(line)}\n`);

const database = await openDatabase({ url: databaseUrl }, { connectionsMax: 1 });
const spool = await openSpool({ dir, segmentBytes: 1024 * 1024 });
const spoolWasEmpty = comparePositions(spool.end(), SPOOL_START) === 0;
const state = await loadRecorderState(database, spool.node);
const { calls } = await recoverSpool(spool, state, Date.now(), (left) => recordedCalls(database, left));
await settleRecovered(spool, calls, Date.now());
await database.close();
const recorder = startRecorder({
  spool,
  databaseUrl,
  masterKey: Buffer.alloc(32, 7),
  role: INSTALLATION_ROLE,
  onError: () => undefined,
});
await recorder.drained();
const shared = connectRedis({ urls: [redisUrl], installation: "one", node: spool.node, deadlineMs: 2_000 });
const logger = createLogger({ level: "warning", secrets: [] });
/** The most that a hard limit ever stood above its amount after a reservation. */
let overspend = 0n;
const counters = new CountersOfNode({
  shared,
  admitting: () => nodes.admitting(),
  untilAdmitting: (withinMs) => nodes.untilAdmitting(withinMs),
  writtenOut: () => spool.writeOut() !== null,
  now: Date.now,
  allowance: 0n,
  failed: (error) => say({ failed: String(error) }),
  distrust: (reason) => nodes.noticed(reason),
  held(states) {
    for (const { limit, settled, reserved } of states) {
      const above = settled + reserved - limit.amount;
      if (limit.mode === "hard" && above > overspend) overspend = above;
    }
  },
});
const nodes = loadNodes({
  databaseUrl,
  role: INSTALLATION_ROLE,
  spool,
  recorder,
  spoolWasEmpty,
  counters: shared,
  teller: counters,
  node: { name, roles: ["gateway"], version: "0", address: () => "" },
  figures: () => ({
    spoolBytes: spool.state().bytes,
    inFlight,
    pending: counters.state().held,
    untold: counters.state().untold,
    overspendMax: overspend,
  }),
  withoutDatabaseMs: 60_000,
  onReplaced: (reason) => say({ replaced: reason }),
  logger,
  now: Date.now,
});
const here = counters.of(DEFAULT_TENANT);

let resting = false;
let stopping = false;
let inFlight = 0;
const done = { admitted: 0, refused: 0, unavailable: 0 };

async function call(): Promise<void> {
  const decision = `${randomBytes(6).toString("hex")}7${randomBytes(10).toString("hex").slice(0, 19)}`;
  const held = { usd: BigInt(randomInt(10, 200)), tokens: BigInt(randomInt(10, 500)), requests: 1n };
  const limits = randomInt(3) === 0 ? [WIDE, TIGHT, ROLLING] : [WIDE, ROLLING];
  const result = await here.reserve(decision, limits, held, Date.now());
  if (result.outcome === "refused") return void (done.refused += 1);
  done.admitted += 1;
  const intent = intentOf(decision, held, result.states);
  await spool.append(intent);
  await pause(randomInt(20) === 0 ? 1_500 : randomInt(60));
  if (randomInt(3) === 0) {
    const more = { usd: 20n, tokens: 30n, requests: 0n };
    const extended = await Promise.resolve(here.extend(decision, more)).catch(unavailable);
    if (extended?.outcome === "reserved") {
      void spool.append({ t: "extend", decision, usd: "20", tokens: "30" });
      held.usd += more.usd;
      held.tokens += more.tokens;
    }
    await pause(randomInt(30));
  }
  if (randomInt(10) === 0) {
    here.release(decision);
    return void spool.append(outcomeOf(decision, "released", [], null));
  }
  const used = { usd: BigInt(randomInt(Number(held.usd) + 1)), tokens: held.tokens - 1n, requests: 1n };
  const deltas = here.settle(decision, used);
  const late = randomInt(2) === 0 ? here.add(LATE, Date.now(), used.usd, decision) : null;
  void spool.append(outcomeOf(decision, "settled", deltas, late, used.usd));
}

function unavailable(error: unknown): null {
  if (!(error instanceof CountersUnavailable)) throw error;
  done.unavailable += 1;
  return null;
}

async function lane(): Promise<never> {
  for (;;) {
    if (resting || stopping) await pause(20);
    else {
      inFlight += 1;
      const failed = await call().catch((error: unknown) => (unavailable(error), true));
      inFlight -= 1;
      await pause(failed === true ? 50 : 1);
    }
  }
}

function intentOf(
  decision: string,
  held: { readonly usd: bigint; readonly tokens: bigint },
  states: readonly { readonly limit: typeof WIDE; readonly window: { readonly id: string } }[],
): IntentRecord {
  return {
    t: "intent",
    decision,
    timeMs: Date.now(),
    tenant: DEFAULT_TENANT,
    environment: "prod",
    provider: "openai",
    model: "gpt-4o-mini",
    endpoint: "chat_completions",
    stream: true,
    dimensions: {},
    key: null,
    priceVersion: "2026-11-01",
    reservedUsd: String(held.usd),
    reservedTokens: String(held.tokens),
    counters: states.map(({ limit, window }) => ({ limit: limit.id, window: window.id, measure: limit.measure })),
  };
}

function outcomeOf(
  decision: string,
  end: OutcomeRecord["end"],
  deltas: readonly CounterDelta[],
  late: CounterDelta | null,
  cost = 0n,
): OutcomeRecord {
  return {
    t: "outcome",
    decision,
    timeMs: Date.now(),
    end,
    status: 200,
    reason: null,
    usage: end === "settled" ? { input: 10, output: 20 } : {},
    source: "reported",
    cost: String(cost),
    servedModel: null,
    tier: null,
    providerId: null,
    doubt: null,
    deltas: deltas.map(({ amount }) => String(amount)),
    late: late === null ? [] : [{ limit: late.limitId, window: late.windowId, amount: String(late.amount) }],
    latencyMs: 1,
  };
}

process.on("SIGUSR2", () => (resting = !resting));
process.on("SIGTERM", () => void leave());

async function leave(): Promise<void> {
  stopping = true;
  nodes.drain();
  while (inFlight > 0) await pause(5);
  const told = await counters.close();
  await recorder.drained();
  await nodes.close({ clean: told && recorder.lag().bytes === 0 });
  await shared.close();
  await recorder.stop();
  await spool.close();
  process.exit(0);
}

for (let i = 0; i < LANES; i++) void lane();
for (;;) {
  const { epoch, rebuilds, lastRebuildMs } = nodes.state();
  let rest = false;
  if (resting && inFlight === 0 && nodes.admitting() && counters.state().untold === 0) {
    await recorder.drained();
    rest = resting && counters.state().untold === 0 && nodes.admitting();
  }
  say({
    epoch: String(epoch ?? 0n),
    admitting: nodes.admitting(),
    rebuilds,
    lastRebuildMs,
    overspend: String(overspend),
    rest,
    ...done,
  });
  await pause(50);
}
