import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MEASURES } from "@tollhouse/contract";
import { testDatabase } from "@tollhouse/testkit";
import type { TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LedgerKeys } from "../ledger/ledger-keys.ts";
import { startRecorder } from "../ledger/recorder.ts";
import { sampleBlocked, sampleIntent, sampleOutcome } from "../ledger/sample-records.ts";
import { DEFAULT_TENANT } from "../ledger/tenant-id.ts";
import type { BlockedRecord, IntentRecord, OutcomeRecord } from "../spool/records.ts";
import { openSpool } from "../spool/spool.ts";
import { callByDecision, listCalls } from "./calls.ts";
import {
  deleteLimit,
  insertLimit,
  limitHistory,
  LimitNotChanged,
  listLimits,
  readLimit,
  updateLimit,
} from "./limit-store.ts";
import { nearestLimits } from "./nearest-limits.ts";
import { spentInScope } from "./spent-in-scope.ts";
import type { UsageGroup } from "./usage-axes.ts";
import type { UsageFilter } from "./usage-filter.ts";
import { usageReport } from "./usage-report.ts";
import type { UsagePageRequest } from "./usage-report.ts";

const masterKey = Buffer.alloc(32, 5);
const keys = new LedgerKeys(masterKey);
const HOUR = 3_600_000;
const START = Date.UTC(2026, 10, 20, 22, 17, 3);
const MODELS = ["gpt-4o-mini", "claude-haiku-4-5", "gemini-2.5-flash"];

let database: TestDatabase;
const calls: { intent: IntentRecord; outcome: OutcomeRecord }[] = [];
const blocked: BlockedRecord[] = [];

/** 300 calls and 60 blocked ones over five hours across midnight, of two environments, every amount different. */
beforeAll(async () => {
  database = await testDatabase();
  const dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  const spool = await openSpool({ dir });
  const recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError: () => {} });
  for (let n = 0; n < 300; n++) {
    const intent = sampleIntent(n, {
      timeMs: START + n * 61_007,
      model: MODELS[n % 3] ?? "",
      environment: n % 5 === 0 ? "dev" : "prod",
    });
    const released = n % 11 === 0;
    const outcome = sampleOutcome(n, {
      end: released ? "released" : "settled",
      usage: released ? {} : { input: n, input_cache_read: 3, output: 2 * n, web_search_call: 1 },
      cost: released ? "0" : String(1000 + n),
      deltas: released ? ["0", "0", "0"] : [String(1000 + n), String(3 * n + 3), "1"],
    });
    calls.push({ intent, outcome });
    void spool.append(intent);
    void spool.append(outcome);
    if (n % 5 === 1) {
      const { timeMs, model, environment, dimensions } = intent;
      const record = sampleBlocked(1000 + n, { timeMs, model, environment, dimensions });
      blocked.push(record);
      void spool.append(record);
    }
  }
  await recorder.drained();
  await recorder.stop();
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
});
afterAll(() => database.drop());

function usage(over: Partial<UsagePageRequest>): ReturnType<typeof usageReport> {
  const all = { tenant: DEFAULT_TENANT, fromMs: 0, toMs: Infinity, groupBy: [] };
  return usageReport(database.db, keys, { ...all, ...over });
}

interface Model {
  calls: number;
  blocked: number;
  input: number;
  output: number;
  nano: number;
}

/** The same sums from the records, by plain arithmetic. */
function expected(
  fromMs: number,
  toMs: number,
  group: (call: IntentRecord | BlockedRecord) => string,
): Map<string, Model> {
  const sums = new Map<string, Model>();
  const of = (record: IntentRecord | BlockedRecord): Model | null => {
    if (record.timeMs < fromMs || record.timeMs >= toMs) return null;
    const name = group(record);
    const sum = sums.get(name) ?? { calls: 0, blocked: 0, input: 0, output: 0, nano: 0 };
    sums.set(name, sum);
    return sum;
  };
  for (const { intent, outcome } of calls) {
    const sum = of(intent);
    if (!sum) continue;
    sum.calls++;
    sum.input += (outcome.usage.input ?? 0) + (outcome.usage.input_cache_read ?? 0);
    sum.output += outcome.usage.output ?? 0;
    sum.nano += Number(outcome.cost);
  }
  for (const record of blocked) {
    const sum = of(record);
    if (sum) sum.blocked++;
  }
  return sums;
}

describe("usage", () => {
  const groupings: [UsageGroup[], (call: IntentRecord | BlockedRecord) => string][] = [
    [["model", "session"], (call) => `${call.model}|${call.dimensions.session}`],
    [["user"], (call) => `${call.dimensions.user}`],
    [["environment", "provider", "key", "team"], (call) => `${call.environment}|openai|key_1|sales`],
    [["day", "model"], (call) => `${new Date(call.timeMs).toISOString().slice(0, 10)}|${call.model}`],
    [["hour"], (call) => `${new Date(call.timeMs).toISOString().slice(0, 13)}:00:00Z`],
    [["month", "agent", "feature"], () => "2026-11|sdr-agent|null"],
  ];
  const ranges: [string, number, number][] = [
    ["all time", 0, Infinity],
    ["inside one hour", START + 5 * 60_000, START + 25 * 60_000],
    ["from mid-hour to mid-hour", START + 71 * 60_000 + 1, START + 3 * HOUR + 12_345],
    ["whole hours", Date.UTC(2026, 10, 20, 23), Date.UTC(2026, 10, 21, 1)],
    ["exactly at a call, which is the end and so left out", START, START + 200 * 61_007],
  ];
  for (const [name, fromMs, toMs] of ranges)
    test(`is exact: ${name}`, async () => {
      for (const [groupBy, group] of groupings) {
        const report = await usage({ fromMs, toMs, groupBy });
        const rows = report.rows.map((row) => [
          groupBy.map((axis) => String(row[axis])).join("|"),
          {
            calls: row.calls,
            blocked: row.blocked,
            input: row.input_tokens,
            output: row.output_tokens,
            nano: Number(row.cost.replace(".", "")),
          },
        ]);
        expect(Object.fromEntries(rows), groupBy.join()).toEqual(Object.fromEntries(expected(fromMs, toMs, group)));
        const total = [...expected(fromMs, toMs, () => "all").values()][0];
        expect(report.total).toMatchObject({
          calls: total?.calls,
          blocked: total?.blocked,
          input_tokens: total?.input,
        });
      }
    });

  test("has the shape scripts rely on", async () => {
    const report = await usage({ fromMs: START, toMs: START + 1, groupBy: ["model", "session"] });
    const counts = { calls: 1, blocked: 0, released: 1, cost_unknown: 0 };
    const sums = { ...counts, input_tokens: 0, output_tokens: 0, cost: "0.000000000" };
    const rows = [{ model: "gpt-4o-mini", session: "run-0", ...sums }];
    expect(report).toEqual({ rows, total: sums, next_cursor: null });
    expect((await usage({ groupBy: [] })).rows).toEqual([]);
    expect((await usage({ toMs: 1, groupBy: ["model"] })).total.cost).toBe("0.000000000");
  });

  test("of one environment leaves the others out", async () => {
    expect((await usage({ filter: { environment: ["dev"] } })).total.calls).toBe(60);
  });

  test("refuses a range that is none, naming the field", async () => {
    await expect(usage({ fromMs: 5, toMs: 4 })).rejects.toThrow(/^to: /);
    await expect(usage({ fromMs: Number.NaN })).rejects.toThrow(/^from: /);
  });
});

describe("calls", () => {
  test("pages newest first, each call once, whatever the page size", async () => {
    for (const limit of [7, 100, 360]) {
      const seen: number[] = [];
      for (let cursor: string | null = null, more = true; more;) {
        const page: Awaited<ReturnType<typeof listCalls>> = await listCalls(database.db, keys, {
          tenant: DEFAULT_TENANT,
          limit,
          cursor,
        });
        seen.push(...page.calls.map((call) => call.sequence));
        cursor = page.next_cursor;
        more = cursor !== null;
      }
      expect(seen).toEqual(Array.from({ length: 360 }, (_, n) => 361 - n));
    }
  });

  test("filters by session, user, model, environment and outcome", async () => {
    const count = async (filter: object): Promise<number> =>
      (await listCalls(database.db, keys, { tenant: DEFAULT_TENANT, limit: 1000, cursor: null, ...filter })).calls
        .length;
    const by = (filter: UsageFilter): Promise<number> => count({ filter });
    const where = (test_: (call: IntentRecord | BlockedRecord) => boolean): number =>
      [...calls.map(({ intent }) => intent), ...blocked].filter(test_).length;
    expect(await by({ session: ["run-3"] })).toBe(where((call) => call.dimensions.session === "run-3"));
    expect(await by({ user: ["user-2"] })).toBe(where((call) => call.dimensions.user === "user-2"));
    expect(await by({ user: ["nobody"] })).toBe(0);
    expect(await by({ model: [MODELS[1] ?? ""] })).toBe(where((call) => call.model === MODELS[1]));
    expect(await by({ environment: ["dev"] })).toBe(where((call) => call.environment === "dev"));
    expect(await count({ outcome: "blocked" })).toBe(60);
    expect(await count({ outcome: "released" })).toBe(28);
    await expect(count({ cursor: "x" })).rejects.toThrow(/^cursor: /);
    await expect(count({ limit: 0 })).rejects.toThrow(/^limit: /);
  });

  test("a decision is found with its usage, cost and entry; another tenant's is not", async () => {
    const decision = `dec_${sampleIntent(7).decision}`;
    const found = await callByDecision(database.db, DEFAULT_TENANT, decision);
    expect(found?.call).toMatchObject({
      decision,
      time: new Date(START + 7 * 61_007).toISOString(),
      model: MODELS[1],
      dimensions: { session: "run-7", agent: "sdr-agent", user: "user-0", team: "sales" },
      outcome: "settled",
      reason_code: null,
      usage: { input: 7, input_cache_read: 3, output: 14, web_search_call: 1 },
      usage_source: "reported",
      cost: "0.000001007",
    });
    expect(found?.call.entry_hash).toMatch(/^[0-9a-f]{64}$/);
    expect(await callByDecision(database.db, "f".repeat(32), decision)).toBeNull();
    expect(await callByDecision(database.db, DEFAULT_TENANT, "'; --")).toBeNull();
  });
});

test("what a scope spent in a window is exact, for every kind of scope and measure", async () => {
  const windows: [number, number][] = [
    [0, Infinity],
    [START + 71 * 60_000, START + 3 * HOUR + 12_345],
    [START, START + 60_000],
  ];
  const scopes: [string, (call: IntentRecord) => boolean][] = [
    ["org", () => true],
    ["session:run-3", (call) => call.dimensions.session === "run-3"],
    ["user:user-2", (call) => call.dimensions.user === "user-2"],
    ["user:nobody", () => false],
    ["agent:sdr-agent", () => true],
    ["team:sales", () => true],
    ["feature:none", () => false],
    [`model:${MODELS[1]}`, (call) => call.model === MODELS[1]],
    ["provider:openai", () => true],
    ["key:key_1", () => true],
  ];
  for (const [fromMs, toMs] of windows)
    for (const [scope, inScope] of scopes) {
      const within = calls.filter(
        ({ intent, outcome }) =>
          intent.environment === "prod" &&
          intent.timeMs >= fromMs &&
          intent.timeMs < toMs &&
          inScope(intent) &&
          outcome.end === "settled",
      );
      const sum = (of: (outcome: OutcomeRecord) => number): number =>
        within.reduce((total, { outcome }) => total + of(outcome), 0);
      const want = {
        usd: BigInt(sum((outcome) => Number(outcome.cost))),
        tokens: BigInt(sum(({ usage: used }) => (used.input ?? 0) + 3 + (used.output ?? 0))),
        requests: BigInt(within.length),
      };
      for (const measure of MEASURES) {
        const request = { tenant: DEFAULT_TENANT, environment: "prod", scope, measure, fromMs, toMs };
        expect(await spentInScope(database.db, keys, request), `${scope} ${measure}`).toBe(want[measure]);
      }
    }
});

describe("limits", () => {
  const place = { tenant: DEFAULT_TENANT, environment: "prod" };
  const limit = {
    id: "lim_1",
    scope: "session:run-42",
    measure: "usd",
    amount: 25_000_000_000n,
    window: "lifetime",
    timeZone: "UTC",
    mode: "hard",
  } as const;

  test("are kept in versions; a change from an old version is refused and changes nothing", async () => {
    expect(await insertLimit(database.db, place, limit)).toEqual({ ...limit, version: 1, derived: false });
    const raised = await updateLimit(database.db, place, "lim_1", { amount: 30n, version: 1 });
    expect(raised).toMatchObject({ amount: 30n, mode: "hard", version: 2 });
    await expect(updateLimit(database.db, place, "lim_1", { mode: "soft", version: 1 })).rejects.toMatchObject({
      code: "VERSION_CONFLICT",
    });
    await expect(deleteLimit(database.db, place, "lim_1", 1)).rejects.toThrow(LimitNotChanged);
    expect(await readLimit(database.db, place, "lim_1")).toMatchObject({ amount: 30n, mode: "hard", version: 2 });
    await deleteLimit(database.db, place, "lim_1", 2);
    expect(await readLimit(database.db, place, "lim_1")).toBeNull();
    await expect(updateLimit(database.db, place, "lim_1", {})).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await limitHistory(database.db, place, "lim_1")).toMatchObject([
      { version: 1, amount: 25_000_000_000n, mode: "hard" },
      { version: 2, amount: 30n, mode: "hard" },
      { version: 3, amount: null, mode: null },
    ]);
  });

  test("of two concurrent changes of one version exactly one wins", async () => {
    await insertLimit(database.db, place, { ...limit, id: "lim_2" });
    const tries = [1n, 2n, 3n, 4n].map((amount) => updateLimit(database.db, place, "lim_2", { amount, version: 1 }));
    const results = await Promise.allSettled(tries);
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
  });

  test("of one environment are listed by id, and not those of another", async () => {
    await insertLimit(database.db, { ...place, environment: "dev" }, { ...limit, id: "lim_0" });
    const ids: string[] = [];
    for await (const page of listLimits(database.db, place)) ids.push(...page.map(({ id }) => id));
    expect(ids).toEqual(["lim_2"]);
  });

  test("nearest their end are the budgets of which most is spent in the window that is now, each once", async () => {
    const nowMs = Date.UTC(2026, 10, 20, 22, 17);
    const slot = Math.floor(nowMs / 900_000);
    const budgets = [
      ["nothing", "month", { "2026-11-01T00:00Z": 0 }],
      ["over", "day", { "2026-11-19T00:00Z": 99, "2026-11-18T00:00Z": 9_999 }],
      ["rolling", "rolling_24h", { [slot]: 40, [slot - 96]: 40, [slot - 97]: 9_999 }],
      ["half", "lifetime", { lifetime: 50 }],
      ["both", "hour", { "2026-11-20T22:00Z": 60, "2026-11-20T21:00Z": 70 }],
      ["small", "month", { "2026-11-01T00:00Z": 10, "2026-10-01T00:00Z": 9_999 }],
    ] as const;
    const environment = "staging";
    for (const [id, window, sums] of budgets) {
      await insertLimit(database.db, { ...place, environment }, { ...limit, id, window, amount: 100n });
      for (const [windowId, settled] of Object.entries(sums))
        await database.db.query("INSERT INTO counter_sums VALUES ($1, $2, $3, $4, 0)", [
          place.tenant,
          id,
          windowId,
          settled,
        ]);
    }
    const nearest = (rows: number): Promise<string[]> =>
      nearestLimits(database.db, { ...place, environment, nowMs, rows });
    expect(await nearest(9)).toEqual(["rolling", "both", "half", "small"]);
    expect(await nearest(2)).toEqual(["rolling", "both"]);
  });
});
