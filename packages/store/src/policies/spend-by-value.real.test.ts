import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SCOPE_KINDS, type ScopeKind } from "@tollhouse/contract";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LedgerKeys } from "../ledger/ledger-keys.ts";
import { startRecorder } from "../ledger/recorder.ts";
import { sampleIntent, sampleOutcome } from "../ledger/sample-records.ts";
import { DEFAULT_TENANT } from "../ledger/tenant-id.ts";
import { spendOfScope } from "../reports/spent-in-scope.ts";
import { openSpool } from "../spool/spool.ts";
import { spendByValue } from "./spend-by-value.ts";

const masterKey = Buffer.alloc(32, 5);
const keys = new LedgerKeys(masterKey);
const HOUR = 3_600_000;
const QUARTER = 900_000;
const START = Date.UTC(2026, 10, 20, 22, 17, 3);

let database: TestDatabase;
/** 200 calls over three hours and a half, of two environments, two models and five users; every eleventh was released. */
beforeAll(async () => {
  database = await testDatabase();
  const dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  const spool = await openSpool({ dir });
  const recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError: () => {} });
  for (let n = 0; n < 200; n++) {
    const released = n % 11 === 0;
    void spool.append(
      sampleIntent(n, {
        timeMs: START + n * 61_007,
        model: n % 2 === 0 ? "gpt-4o-mini" : "gpt-4o",
        environment: n % 5 === 0 ? "dev" : "prod",
        dimensions: { user: `user ${n % 5}`, team: `team ${n % 3}`, ...(n % 4 === 0 && { session: `s${n % 8}` }) },
      }),
    );
    void spool.append(
      sampleOutcome(n, {
        end: released ? "released" : "settled",
        usage: released ? {} : { input: n, output: 2 * n },
        cost: released ? "0" : String(1000 + n),
        deltas: released ? ["0", "0", "0"] : [String(1000 + n), String(3 * n), "1"],
      }),
    );
  }
  await recorder.drained();
  await recorder.stop();
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
});
afterAll(() => database.drop());

const place = { tenant: DEFAULT_TENANT, environment: "prod" };
const VALUES: { readonly [K in ScopeKind]?: readonly string[] } = {
  org: [""],
  user: [0, 1, 2, 3, 4, 5].map((n) => `user ${n}`),
  team: ["team 0", "team 1", "team 2", "team 3"],
  session: ["s0", "s4", "s1"],
  model: ["gpt-4o-mini", "gpt-4o"],
  customer: ["nobody"],
};
const RANGES: readonly (readonly [string, number, number])[] = [
  ["ever", 0, Infinity],
  ["from and to the middle of an hour", START + HOUR / 2, START + 2 * HOUR + 12_345],
  ["inside an hour", START, START + 20 * 60_000],
];

test.each(RANGES)("the sums of all values are those of each value alone: %s", async (_, fromMs, toMs) => {
  let found = 0;
  for (const kind of ["org", ...SCOPE_KINDS] as const) {
    const rows = await spendByValue(database.db, { ...place, kind, fromMs, toMs, byQuarter: false });
    const byValue = new Map(rows.map(({ value, used }) => [value, used]));
    for (const value of VALUES[kind] ?? []) {
      const scope = kind === "org" ? kind : `${kind}:${value}`;
      const one = await spendOfScope(database.db, keys, { ...place, scope, fromMs, toMs });
      const stored = kind === "user" ? keys.userLookup(place.tenant, value).toString("hex") : value;
      const none = { usd: 0n, tokens: 0n, requests: 0n };
      expect([scope, byValue.get(stored) ?? none]).toEqual([scope, one]);
      if (one.requests > 0n) found++;
    }
    // No value is counted twice, and none without a name is counted at all.
    expect(byValue.size).toBe(rows.length);
  }
  expect(found).toBeGreaterThan(8);
});

test("by quarters of an hour, each sum is that of its quarter", async () => {
  const fromMs = Math.floor(START / QUARTER) * QUARTER;
  const toMs = fromMs + 16 * QUARTER;
  const rows = await spendByValue(database.db, { ...place, kind: "user", fromMs, toMs, byQuarter: true });
  expect(rows.length).toBeGreaterThan(20);
  const names = new Map(VALUES.user?.map((name) => [keys.userLookup(place.tenant, name).toString("hex"), name]));
  for (const { value, quarter, used } of rows) {
    const at = { fromMs: quarter * QUARTER, toMs: (quarter + 1) * QUARTER };
    const scope = `user:${names.get(value)}`;
    expect(used).toEqual(await spendOfScope(database.db, keys, { ...place, scope, ...at }));
  }
});
