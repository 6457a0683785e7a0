import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PolicyDocument } from "@tollhouse/contract";
import { slotText } from "@tollhouse/engine";
import {
  DEFAULT_TENANT,
  LedgerKeys,
  openSpool,
  startRecorder,
  type BlockedRecord,
  type IntentRecord,
  type OutcomeRecord,
  type SpoolRecord,
} from "@tollhouse/store";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { PolicyLimitIds } from "../policies/policy-limit-ids.ts";
import { rehearse, type RehearsalJob } from "./rehearse.ts";
import type { RehearsalSums, RehearsedChange } from "./rehearsal.ts";

// What the ledger holds of calls of other days, of users who are gone, and of much that is no call, rehearsed.

const masterKey = Buffer.alloc(32, 5);
const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 10, 20, 12);
let database: TestDatabase;
let environment = "";
let places = 0;

beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());
beforeEach(() => {
  environment = `e${places++}`;
});

async function record(records: readonly SpoolRecord[], keepReadable = true): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "tollhouse-rehearse-"));
  const spool = await openSpool({ dir });
  const recorder = startRecorder({
    spool,
    databaseUrl: database.url,
    masterKey,
    keepReadable,
    onError: (message) => expect.fail(message),
  });
  for (const one of records) void spool.append(one);
  await recorder.drained();
  await recorder.stop();
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
}

let calls = 0;
const decision = (): string => (++calls).toString(16).padStart(32, "0").replace(/^0/, "b");
type Dimensions = IntentRecord["dimensions"];

function intent(timeMs: number, dimensions: Dimensions, over: Partial<IntentRecord> = {}): IntentRecord {
  return {
    t: "intent",
    decision: decision(),
    timeMs,
    tenant: DEFAULT_TENANT,
    environment,
    provider: "openai",
    model: "gpt-4o-mini",
    endpoint: "chat_completions",
    stream: false,
    dimensions,
    key: null,
    priceVersion: "1",
    reservedUsd: "0",
    reservedTokens: "0",
    counters: [],
    ...over,
  };
}

/** A call that cost so many nano-dollars, or one that used nothing. */
function call(
  timeMs: number,
  dimensions: Dimensions,
  cost: number | null,
  over: Partial<OutcomeRecord> = {},
): SpoolRecord[] {
  const begun = intent(timeMs, dimensions);
  const outcome: OutcomeRecord = {
    t: "outcome",
    decision: begun.decision,
    timeMs: timeMs + 5,
    end: cost === null ? "released" : "settled",
    status: 200,
    reason: null,
    usage: cost === null ? {} : { input: 10, output: 20 },
    source: "reported",
    cost: cost === null ? "0" : String(cost),
    servedModel: null,
    tier: null,
    providerId: null,
    doubt: null,
    deltas: [],
    late: [],
    latencyMs: 5,
    ...over,
  };
  return [begun, outcome];
}

function blocked(timeMs: number, over: Partial<BlockedRecord> = {}): BlockedRecord {
  const { tenant, provider, model, endpoint, dimensions, key } = intent(timeMs, {});
  const of = { tenant, environment, provider, model, endpoint, dimensions, key };
  return { t: "blocked", decision: decision(), timeMs, ...of, reason: "KEY_INVALID", limit: null, ...over };
}

const DRAFT: PolicyDocument = { name: "draft", attach: "default", priority: 0, mode: "enforce" };

async function rehearsed(
  part: Partial<PolicyDocument>,
  over: Partial<RehearsalJob> = {},
): Promise<RehearsalSums & { readonly changes: readonly RehearsedChange[] }> {
  const job: RehearsalJob = {
    tenant: DEFAULT_TENANT,
    environment,
    masterKey,
    ownPrices: [],
    policy: { ...DRAFT, ...part },
    replaces: undefined,
    fromMs: NOON,
    toMs: NOON + 48 * HOUR,
    nowMs: NOON + 72 * HOUR,
    ...over,
  };
  const changes: RehearsedChange[] = [];
  const { sums } = await rehearse(database.db, job, (page) => {
    changes.push(...page);
    return Promise.resolve();
  });
  return { ...sums, changes };
}

const usd = (amount: string, over: object = {}): Partial<PolicyDocument> => ({
  limits: [{ measure: "usd", amount, window: "day", mode: "hard", scope: "user", ...over }],
});
const ANN = { user: "ann" };

test("a window that began before the range has what was used in it, and the next one begins at nothing", async () => {
  await record([
    ...call(NOON - 13 * HOUR, ANN, 50),
    ...call(NOON - 2 * HOUR, ANN, 60),
    ...call(NOON + HOUR, ANN, 50),
    ...call(NOON + 13 * HOUR, ANN, 50),
    ...call(NOON + 14 * HOUR, { user: "bob" }, 101),
  ]);
  const blockedAt = async (window: string): Promise<number[]> => {
    const { changes } = await rehearsed(usd("0.000000100", { window }));
    return changes.map(({ time }) => (Date.parse(time) - NOON) / HOUR);
  };
  expect(await blockedAt("day")).toEqual([1, 14]);
  expect(await blockedAt("rolling_24h")).toEqual([1, 13, 14]);
  expect(await blockedAt("month")).toEqual([1, 13, 14]);
  expect(await blockedAt("hour")).toEqual([14]);
});

test("users whose readable ids are not kept are told apart, and found by policies that name them", async () => {
  const dora = { user: "dora" };
  await record([...call(NOON, dora, 60), ...call(NOON + 1, { user: "emil" }, 60), ...call(NOON + 2, dora, 60)], false);
  const all = await rehearsed(usd("0.000000100"));
  expect(all.changes).toMatchObject([{ time: new Date(NOON + 2).toISOString(), limit: { scope: "user" } }]);
  const one = await rehearsed({ attach: { user: "dora" }, models: { deny: ["*"] } });
  expect(one).toMatchObject({ unchanged: 1, newly_blocked: { calls: 2 } });
  // A condition on a name that nobody knows any more holds for nobody for certain.
  const condition = await rehearsed({ when: 'user == "emil"', models: { deny: ["*"] } });
  expect(condition).toMatchObject({ unjudged: { calls: 3, by_reason: { condition_unknown: 3 } } });
});

test("an erased user is not judged where policies tell users apart, and is where they do not", async () => {
  await record([...call(NOON, { user: "carl" }, 60), ...call(NOON + 1, { team: "a" }, 60)]);
  await database.db.query("DELETE FROM users WHERE readable = 'carl'");
  const erased = { unjudged: { calls: 1, by_reason: { user_erased: 1 } } };
  expect(await rehearsed({ attach: { user: "ann" }, models: { deny: ["*"] } })).toMatchObject({
    unchanged: 1,
    ...erased,
  });
  expect(await rehearsed({ models: { deny: ["*"] } })).toMatchObject({ newly_blocked: { calls: 2 } });
});

test("what an SDK recorded unasked, what failed and what was refused before any policy is not judged, or stays as it was", async () => {
  const { t: _, decision: id, ...of } = intent(NOON, ANN);
  const usage = {
    usage: { input: 10, output: 20 },
    source: "reported",
    cost: "60",
    servedModel: null,
    tier: null,
  } as const;
  const none = { providerId: null, doubt: null, latencyMs: null, status: null, counters: [], check: null, once: [] };
  await record([
    { ...of, ...usage, ...none, t: "usage", decision: id, recordedMs: NOON, end: "settled", ends: false },
    ...call(NOON + 1, ANN, null),
    blocked(NOON + 2, { dimensions: ANN }),
    ...call(NOON + 3, ANN, 30),
  ]);
  expect(await rehearsed(usd("0.000000090"))).toMatchObject({
    calls: 4,
    // What was recorded unasked counts all the same: with it the last call fits exactly.
    unchanged: 2,
    unjudged: { calls: 2, by_reason: { never_asked: 1, usage_unknown: 1 } },
  });
  expect(await rehearsed(usd("0.000000089"))).toMatchObject({ newly_blocked: { calls: 1 } });
  // A failed call fits nowhere where nothing is left, whatever it would have used.
  expect(await rehearsed(usd("0.000000060"))).toMatchObject({ newly_blocked: { calls: 2 } });
});

test("refusals of which only the number was kept are not judged", async () => {
  await record([...Array.from({ length: 80 }, (_, i) => blocked(NOON + HOUR + i)), blocked(NOON + 2 * HOUR)]);
  expect(await rehearsed({ models: { deny: ["*"] } })).toMatchObject({
    calls: 81,
    unchanged: 51,
    unjudged: { by_reason: { summarised: 30 } },
  });
});

test("a cost that is not known counts as what was reserved, and a price that was not known is refused under a budget", async () => {
  const unknown = { cost: null };
  const [begun, outcome] = call(NOON, ANN, 1, unknown) as [IntentRecord, OutcomeRecord];
  const [bare, end] = call(NOON + 2, ANN, 1, unknown) as [IntentRecord, OutcomeRecord];
  await record([
    { ...begun, reservedUsd: "70" },
    outcome,
    ...call(NOON + 1, ANN, 31),
    { ...bare, priceVersion: null },
    end,
  ]);
  expect(await rehearsed(usd("0.000000100"))).toMatchObject({
    unchanged: 1,
    newly_blocked: { by_reason: { BUDGET_EXCEEDED: 1, PRICE_UNKNOWN: 1 } },
    cost: { recorded: "0.000000031", calls_without_cost: 2 },
  });
});

test("a session that was started anew has its budget again", async () => {
  const session = { session: "s" };
  const ids = new PolicyLimitIds({ tenant: DEFAULT_TENANT, environment }, masterKey, new LedgerKeys(masterKey));
  const slot = slotText({ measure: "usd", window: "lifetime", mode: "hard", timeZone: "UTC" });
  const reset = {
    t: "admin",
    tenant: DEFAULT_TENANT,
    environment,
    actor: "admin-key",
    before: null,
    after: null,
  } as const;
  const counters = [{ limit: ids.of(slot, "session", "s"), window: "lifetime", amount: "-60" }];
  await record([
    ...call(NOON, session, 60),
    { ...reset, id: decision(), timeMs: NOON + 1, action: "session.reset", subject: "s", counters },
    ...call(NOON + 2, session, 60),
    ...call(NOON + 3, session, 60),
  ]);
  const { changes } = await rehearsed(usd("0.000000100", { window: "lifetime", scope: "session" }));
  expect(changes.map(({ time }) => Date.parse(time) - NOON)).toEqual([3]);
});

test("pages of entries join without a gap, also where many have one time", async () => {
  await record(Array.from({ length: 2_500 }, (_, i) => call(NOON + Math.floor(i / 1_200), {}, 1)).flat());
  expect(await rehearsed({ models: { deny: ["*"] } })).toMatchObject({ newly_blocked: { calls: 2_500 } });
  expect(await rehearsed({ models: { deny: ["*"] } }, { fromMs: NOON + 1, toMs: NOON + 2 })).toMatchObject({
    calls: 1_200,
  });
});
