import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LedgerKeys } from "../ledger/ledger-keys.ts";
import { startRecorder } from "../ledger/recorder.ts";
import { sampleBlocked, sampleIntent } from "../ledger/sample-records.ts";
import { DEFAULT_TENANT } from "../ledger/tenant-id.ts";
import { openSpool } from "../spool/spool.ts";
import { allCalls, listCalls } from "./calls.ts";
import {
  columnOf,
  DAYS,
  isAxis,
  MONTHS,
  USAGE_AXES,
  USAGE_GROUPS,
  type UsageAxis,
  type UsageGroup,
  type UsageTime,
} from "./usage-axes.ts";
import { dimensionsOf, named, numbers, outcomeOf, totalOf } from "./sample-usage.ts";
import type { UsageFilter } from "./usage-filter.ts";
import { USAGE_ORDERS, type UsageOrder } from "./usage-order.ts";
import { usageReport, usageRows, type UsageRow, type UsageSums } from "./usage-report.ts";

// Reports of random groups, filters and ranges, page by page, against one plain statement over the ledger that knows no roll-up.

const SEED = Number(process.env["TOLLHOUSE_SEED"] ?? 1);
const ROUNDS = Number(process.env["TOLLHOUSE_RANDOM_COUNT"] ?? 120);
const HOUR = 3_600_000;
const START = Date.UTC(2026, 9, 29, 20, 17, 3);
const CALLS = 900;
/** 900 calls over five days: the end of a month, and of summer time in New York. */
const STEP = (5 * 24 * HOUR) / CALLS;
const OTHER_TENANT = "00000000000000000000000000000002";
const masterKey = Buffer.alloc(32, 7);
const keys = new LedgerKeys(masterKey);

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  await database.db.query(`INSERT INTO tenants (id, name) VALUES ('${OTHER_TENANT}', 'other')`);
  const dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  const spool = await openSpool({ dir });
  const recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError: () => {} });
  for (let n = 0; n < CALLS; n++) {
    const intent = sampleIntent(n, {
      timeMs: Math.floor(START + n * STEP),
      tenant: n % 10 === 9 ? OTHER_TENANT : DEFAULT_TENANT,
      model: `model-${n % 4}`,
      provider: n % 4 === 3 ? "anthropic" : "openai",
      environment: n % 5 === 0 ? "dev" : "prod",
      key: n % 3 === 0 ? null : `key_${n % 3}`,
      dimensions: dimensionsOf(n),
    });
    if (n % 7 === 3) {
      const { timeMs, tenant, model, provider, environment, key, dimensions } = intent;
      void spool.append(
        sampleBlocked(n, { timeMs, tenant, model, provider, environment, key, dimensions, reason: "USER_BLOCKED" }),
      );
      continue;
    }
    void spool.append(intent);
    void spool.append(outcomeOf(n));
  }
  await recorder.drained();
  await recorder.stop();
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
});
afterAll(() => database.drop());

interface Question {
  readonly groupBy: readonly UsageGroup[];
  readonly filter: UsageFilter;
  readonly fromMs: number;
  readonly toMs: number;
  readonly order: UsageOrder | null;
  readonly limit: number;
  readonly timeZone: string;
}

const ZONES = ["UTC", "America/New_York", "Asia/Tokyo", "Pacific/Auckland"];

/** Sums by groups, by one walk over every entry. */
async function naive({ groupBy, filter, fromMs, toMs, timeZone }: Question): Promise<Map<string, UsageSums>> {
  const local = `to_timestamp(time_us / 1e6) AT TIME ZONE '${timeZone}'`;
  const shown = (group: UsageGroup): string => {
    if (isAxis(group))
      return group === "user"
        ? "(SELECT readable FROM users WHERE tenant = e.tenant AND pseudonym = e.user_pseudonym)"
        : columnOf(group);
    if (group === "hour")
      return `to_char(to_timestamp(time_us / 3600000000 * 3600) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;
    return `to_char(${local}, '${group === "day" ? "YYYY-MM-DD" : "YYYY-MM"}')`;
  };
  const wanted = Object.entries(filter).map(([axis, values], i) => {
    const column = shown(axis as UsageAxis);
    return `AND coalesce(${column}, '') = ANY ($${i + 4})`.concat(values === undefined ? "!" : "");
  });
  const { rows } = await database.db.query<{ name: string } & Record<string, string>>(
    `SELECT jsonb_build_array(${groupBy.map(shown).join(", ")})::text AS name,
       count(*) FILTER (WHERE type IN (2, 4, 5)) AS calls, sum(blocked_calls) AS blocked, count(*) FILTER (WHERE type = 4) AS released,
       count(*) FILTER (WHERE type = 2 AND flags % 2 = 1) AS cost_unknown, sum(input_tokens) AS input_tokens,
       sum(output_tokens) AS output_tokens, to_char(sum(amount_nano) / 1e9, 'FM9999990.000000000') AS cost
     FROM ledger_entries AS e WHERE tenant = $1 AND type IN (2, 3, 4) AND time_us >= $2 AND time_us < $3 ${wanted.join(" ")} GROUP BY 1`,
    [DEFAULT_TENANT, fromMs * 1000, toMs === Infinity ? "4611686018427387904" : toMs * 1000, ...Object.values(filter)],
  );
  return new Map(
    rows.map(({ name, cost, ...counts }) => [
      JSON.stringify(JSON.parse(name)),
      { ...numbers(counts), cost: cost ?? "" },
    ]),
  );
}

async function allPages(question: Question): Promise<{ rows: UsageRow[]; totals: UsageSums[] }> {
  const rows: UsageRow[] = [];
  const totals: UsageSums[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof usageReport>> = await usageReport(database.db, keys, {
      tenant: DEFAULT_TENANT,
      ...question,
      cursor,
    });
    expect(page.rows.length).toBeLessThanOrEqual(question.limit);
    rows.push(...page.rows);
    totals.push(page.total);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return { rows, totals };
}

const aTime = fc
  .integer({ min: -6, max: 126 })
  .chain((hours) =>
    fc.constantFrom(0, 0, 1, 1_800_000, 3_599_999).map((ms) => Math.floor(START / HOUR) * HOUR + hours * HOUR + ms),
  );
const aFilter = fc
  .dictionary(
    fc.constantFrom<UsageAxis>(...USAGE_AXES),
    fc.uniqueArray(fc.nat(CALLS), { minLength: 1, maxLength: 3 }),
    { maxKeys: 2 },
  )
  .map((asked) => filterOf(asked as Partial<Record<UsageAxis, number[]>>));

/** Values that calls have, or the empty one. */
function filterOf(asked: Partial<Record<UsageAxis, number[]>>): UsageFilter {
  const own = (axis: UsageAxis, n: number): string => {
    if (axis === "model") return `model-${n % 5}`;
    if (axis === "provider") return n % 2 === 0 ? "openai" : "anthropic";
    if (axis === "key") return n % 3 === 0 ? "" : `key_${n % 3}`;
    if (axis === "environment") return ["dev", "prod", "none"][n % 3] ?? "";
    return dimensionsOf(n)[axis] ?? "";
  };
  return Object.fromEntries(
    Object.entries(asked).map(([axis, ns]) => [axis, ns.map((n) => own(axis as UsageAxis, n))]),
  );
}

interface Asked {
  readonly groups: readonly UsageGroup[];
  readonly filter: fc.Arbitrary<UsageFilter>;
  readonly from: fc.Arbitrary<number>;
  readonly zones: readonly string[];
}

const questionOf = ({ groups, filter, from, zones }: Asked): fc.Arbitrary<Question> =>
  fc
    .record({
      groupBy: fc.uniqueArray(fc.constantFrom<UsageGroup>(...groups), { minLength: 1, maxLength: 4 }),
      filter,
      span: fc.tuple(from, fc.oneof(aTime, fc.constant(Infinity))),
      order: fc.constantFrom<UsageOrder | null>(null, ...USAGE_ORDERS),
      limit: fc.constantFrom(7, 60, 1000),
      timeZone: fc.constantFrom(...zones),
    })
    .map(({ span: [a, b], ...rest }) => ({ ...rest, fromMs: Math.min(a, b), toMs: Math.max(a, b) }));
const aQuestion = questionOf({ groups: USAGE_GROUPS, filter: aFilter, from: aTime, zones: ZONES });
/** One row for the life of each. */
const SESSIONS = { axes: ["session"], times: [] } as const;
interface Party {
  readonly axes: readonly UsageAxis[];
  readonly times?: readonly UsageTime[];
}
/** Of what one roll-up of months or of days knows, over ranges with whole months in them. */
const aLongQuestion = fc
  .constantFrom<Party>(...DAYS, ...MONTHS, SESSIONS, SESSIONS)
  .chain(({ axes, times = ["month", "day"] }) =>
    questionOf({
      groups: [...axes, "environment", ...times],
      filter: fc
        .dictionary(
          fc.constantFrom<UsageAxis>(...axes, "environment"),
          fc.array(fc.nat(CALLS), { minLength: 1, maxLength: 3 }),
          { maxKeys: 1 },
        )
        .map((asked) => filterOf(asked as Partial<Record<UsageAxis, number[]>>)),
      // Also months less a day or two; what they have is taken away at their ends.
      from: fc.oneof(aTime, fc.constant(0), fc.constant(Date.UTC(2026, 9, 3)), fc.constant(Date.UTC(2026, 9, 30))),
      // Months of any other zone are summed by the hour.
      zones: ["UTC"],
    }),
  );

describe("usage", () => {
  const isTheSum = async (question: Question): Promise<void> => {
    const expected = await naive(question);
    const { rows, totals } = await allPages(question);
    const found = rows.map((row) => named(row, question.groupBy));
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
    expect(found).toHaveLength(expected.size);
    for (const total of totals) expect(total).toEqual(totalOf(expected.values()));
  };

  test("of any groups, filter, range, zone, order and page size is the sum over the ledger, and the total is that of all pages", async () => {
    await fc.assert(fc.asyncProperty(aQuestion, isTheSum), { numRuns: ROUNDS, seed: SEED });
  });

  test("of one user, session or customer and what each called, over whole months, is the sum over the ledger too", async () => {
    await fc.assert(fc.asyncProperty(aLongQuestion, isTheSum), { numRuns: ROUNDS, seed: SEED });
  });

  test("comes in the order asked for", async () => {
    const by = async (order: UsageOrder | null, groupBy: UsageGroup[]): Promise<UsageRow[]> =>
      (await allPages({ groupBy, filter: {}, fromMs: 0, toMs: Infinity, order, limit: 5, timeZone: "UTC" })).rows;
    const nano = (row: UsageRow): bigint => BigInt(row.cost.replace(".", ""));
    const descending = (values: (number | bigint)[]): boolean =>
      values.every((value, i) => i === 0 || (values[i - 1] ?? 0) >= value);
    expect(descending((await by("cost", ["session", "day"])).map(nano))).toBe(true);
    expect(descending((await by("calls", ["model", "agent"])).map((row) => row.calls))).toBe(true);
    expect(descending((await by("tokens", ["user"])).map((row) => row.input_tokens + row.output_tokens))).toBe(true);
    const days = (await by(null, ["model", "day"])).map((row) => row.day ?? "");
    expect(days).toEqual(days.toSorted());
    const models = (await by("group", ["model"])).map((row) => row.model);
    expect(models).toEqual(["model-0", "model-1", "model-2", "model-3"]);
    // Those without one come last.
    expect((await by("group", ["session"])).map((row) => row.session).indexOf(null)).toBe(
      (await by("group", ["session"])).length - 1,
    );
  });

  test("days and months of a zone are those of its budgets; a zone that cuts hours is refused by name", async () => {
    const all = { tenant: DEFAULT_TENANT, fromMs: 0, toMs: Infinity };
    const months = await usageReport(database.db, keys, { ...all, groupBy: ["month"], timeZone: "America/New_York" });
    expect(months.rows.map((row) => row.month)).toEqual(["2026-10", "2026-11"]);
    for (const timeZone of ["Asia/Kolkata", "Australia/Adelaide", "Asia/Kathmandu"])
      await expect(usageReport(database.db, keys, { ...all, groupBy: ["day"], timeZone })).rejects.toThrow(
        /^time_zone: .*Asia|^time_zone: .*Australia/,
      );
  });

  test("a cursor of another question, or none at all, is refused by name", async () => {
    const all = { tenant: DEFAULT_TENANT, fromMs: 0, toMs: Infinity, limit: 2 };
    const { next_cursor } = await usageReport(database.db, keys, { ...all, groupBy: ["model"] });
    const refused = [
      { groupBy: ["agent"] as UsageGroup[], cursor: next_cursor },
      { groupBy: ["model"] as UsageGroup[], cursor: next_cursor, order: "calls" as const },
      ...["x", "", "bnVsbA", Buffer.from('["model,time",["x"],"1",[]]').toString("base64url")].map((cursor) => ({
        groupBy: ["model"] as UsageGroup[],
        cursor,
      })),
    ];
    for (const question of refused)
      await expect(usageReport(database.db, keys, { ...all, ...question })).rejects.toThrow(/^cursor: /);
  });

  test("all rows at once are those of the pages, and nothing is read ahead of a slow reader", async () => {
    const question = {
      groupBy: ["session", "user", "model", "hour"] as UsageGroup[],
      filter: {},
      fromMs: 0,
      toMs: Infinity,
      order: "cost" as const,
      timeZone: "UTC",
    };
    const { rows } = await allPages({ ...question, limit: 1000 });
    const read: UsageRow[] = [];
    await usageRows(database.db, keys, { tenant: DEFAULT_TENANT, ...question }, (some) => {
      read.push(...some);
      return Promise.resolve();
    });
    expect(read).toEqual(rows);
    const stopped = usageRows(database.db, keys, { tenant: DEFAULT_TENANT, ...question }, () =>
      Promise.reject(new Error("gone")),
    );
    await expect(stopped).rejects.toThrow("gone");
  });

  test("of another tenant is none of ours", async () => {
    const of = async (tenant: string): Promise<number> =>
      (await usageReport(database.db, keys, { tenant, fromMs: 0, toMs: Infinity, groupBy: [] })).total.calls;
    expect([await of(DEFAULT_TENANT), await of(OTHER_TENANT), await of("f".repeat(32))]).toEqual([694, 77, 0]);
  });
});

describe("calls", () => {
  test("by any filter, range and page size are each call once, newest first, and those of the ledger", async () => {
    const aCallFilter = fc.record({
      filter: aFilter,
      span: fc.tuple(aTime, aTime),
      outcome: fc.constantFrom(undefined, "settled" as const, "blocked" as const, "released" as const),
      reasons: fc.constantFrom(undefined, ["USER_BLOCKED"], ["NONE"]),
      costMin: fc.constantFrom(undefined, 1n, 1500n),
    });
    await fc.assert(
      fc.asyncProperty(
        aCallFilter,
        fc.constantFrom(13, 1000),
        async ({ span: [a, b], filter, outcome, reasons, costMin }, limit) => {
          const asked = {
            tenant: DEFAULT_TENANT,
            filter,
            fromMs: Math.min(a, b),
            toMs: Math.max(a, b),
            outcome,
            reasons,
            costMin,
          };
          const every = [];
          for await (const page of allCalls(database.db, keys, { tenant: DEFAULT_TENANT })) every.push(...page);
          const expected = every.filter((call) => {
            const time = Date.parse(call.time);
            if (time < asked.fromMs || time >= asked.toMs) return false;
            if (outcome !== undefined && call.outcome !== outcome) return false;
            if (reasons !== undefined && !(reasons as readonly string[]).includes(call.reason_code ?? "")) return false;
            if (costMin !== undefined && (call.cost === null || BigInt(call.cost.replace(".", "")) < costMin))
              return false;
            return USAGE_AXES.every((axis) => {
              const value: string | null | undefined =
                axis in call ? call[axis as "model"] : call.dimensions[axis as "team"];
              return filter[axis] === undefined || (filter[axis] as readonly string[]).includes(value ?? "");
            });
          });
          const found = [];
          let cursor: string | null = null;
          do {
            const page: Awaited<ReturnType<typeof listCalls>> = await listCalls(database.db, keys, {
              ...asked,
              limit,
              cursor,
            });
            found.push(...page.calls);
            cursor = page.next_cursor;
          } while (cursor !== null);
          expect(found.map((call) => call.sequence)).toEqual(expected.map((call) => call.sequence));
        },
      ),
      { numRuns: Math.ceil(ROUNDS / 3), seed: SEED },
    );
  });
});
