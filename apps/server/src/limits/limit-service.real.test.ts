import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { LimitCreate } from "@tollhouse/contract";
import { createLimitSnapshot, rollingSlots, ROLLING_SLOT_MS, windowAt, type Limit } from "@tollhouse/engine";
import {
  DEFAULT_TENANT,
  foldCounters,
  LedgerKeys,
  limitHistory,
  listLimits,
  openSpool,
  spendOfScope,
  startRecorder,
  verifyLedger,
  type Recorder,
  type Spool,
} from "@tollhouse/store";
import type { Call } from "../gateway/call.ts";
import { intentOf } from "../gateway/intent.ts";
import { reserveCall } from "../gateway/reserve-call.ts";
import { sampleCall, sampleGateway, SAMPLE_MS, type SampleGateway } from "../gateway/sample-call.ts";
import { settleCall } from "../gateway/settle-call.ts";
import { LimitService } from "./limit-service.ts";
import type { RecordedAmounts } from "./with-spent.ts";
import { recordedAmounts } from "./recorded-amounts.ts";
import type { SettledCall } from "./settled-tap.ts";

const masterKey = Buffer.alloc(32, 7);
const keys = new LedgerKeys(masterKey);
const place = { tenant: DEFAULT_TENANT, environment: "prod" };

let database: TestDatabase;
let dir: string;
let spool: Spool;
let recorder: Recorder;
let gateway: SampleGateway;
let service: LimitService;
const errors: string[] = [];
/** What else happens around the two awaits of `create` that read. */
let meanwhile: (moment: string) => Promise<void>;

beforeAll(async () => {
  database = await testDatabase();
  dir = mkdtempSync(join(tmpdir(), "tollhouse-limits-"));
  spool = await openSpool({ dir });
  recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError: (line) => errors.push(line) });
  gateway = sampleGateway({ spool, limits: () => service.snapshot });
});
afterAll(async () => {
  await recorder.stop();
  await spool.close();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(() => {
  meanwhile = () => Promise.resolve();
  service = serviceOn(spool);
});
afterEach(() => expect(errors).toEqual([]));

function serviceOn(written: Spool, defaultSessionBudget: bigint | null = null): LimitService {
  return new LimitService({
    ...place,
    db: database.db,
    spool: written,
    recorder: {
      ...recorder,
      drained: async () => {
        await meanwhile("before draining");
        await recorder.drained();
        await meanwhile("drained");
      },
    },
    counters: gateway.counters,
    standing: gateway.counters,
    keys,
    tap: gateway.tap,
    first: createLimitSnapshot({ version: 1, limits: [], defaultSessionBudget }),
    compile: async (_, version) => createLimitSnapshot({ version, limits: await storedLimits(), defaultSessionBudget }),
    startingAmounts,
    now: () => SAMPLE_MS,
  });
}

async function storedLimits(): Promise<Limit[]> {
  const stored: Limit[] = [];
  for await (const page of listLimits(database.db, place)) stored.push(...page);
  return stored;
}

async function startingAmounts(limit: Limit, nowMs: number, ended: readonly SettledCall[]): Promise<RecordedAmounts> {
  await meanwhile("before summing");
  const sums = await recordedAmounts({ db: database.db, keys, ...place }, limit, nowMs, ended);
  await meanwhile("summed");
  return sums;
}

const wanted = (over: Partial<LimitCreate> = {}): LimitCreate => ({
  scope: "org",
  measure: "usd",
  amount: "1000000",
  window: "lifetime",
  mode: "hard",
  ...over,
});

/** A call up to its intent. */
async function begin(dimensions: Record<string, string>, startedMs = SAMPLE_MS): Promise<Call> {
  const body = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_tokens: 100 };
  const headers = Object.entries(dimensions).flatMap(([name, value]) => [`x-tollhouse-${name}`, value]);
  const call = sampleCall(gateway, { body, headers, startedMs });
  const reservation = await reserveCall(gateway, call, body);
  if ("code" in reservation) throw new Error(reservation.message);
  call.reservation = reservation;
  await spool.append(intentOf(gateway, call));
  return call;
}

function end(call: Call, output: number): Promise<unknown> {
  const report = {
    usage: { input: 100, output },
    model: null,
    tier: null,
    geo: null,
    providerId: null,
    costNano: null,
    doubt: null,
  };
  const ended = { status: 200, reason: null, unbilled: output === 0, report, partial: null, outputCounted: null };
  return settleCall(gateway, call, ended);
}

/** Counter = what the scope used in the window = fold of the ledger, to the unit. */
async function expectExact(id: string): Promise<bigint> {
  await recorder.drained();
  const limit = service.snapshot.byId(id) as Limit;
  const dumped = [...gateway.counters.dump()].filter((counter) => counter.limitId === id && counter.settled > 0n);
  const folded = (await foldCounters(database.db, DEFAULT_TENANT)).filter(
    (sum) => sum.limitId === id && sum.settled > 0n,
  );
  expect(folded).toEqual(
    dumped
      .map(({ limitId, windowId, settled }) => ({ limitId, windowId, settled }))
      .sort((a, b) => (a.windowId < b.windowId ? -1 : 1)),
  );
  const { settled, reserved } = gateway.counters.read(limit, SAMPLE_MS);
  const [fromMs, toMs] = spanOf(limit);
  const spent = await spendOfScope(database.db, keys, { ...place, scope: limit.scope, fromMs, toMs });
  expect(settled).toBe(spent[limit.measure]);
  expect(reserved).toBe(0n);
  return settled;
}

function spanOf(limit: Limit): [number, number] {
  const { startMs, endMs } = windowAt(limit.window, limit.timeZone, SAMPLE_MS);
  if (limit.window !== "rolling_24h") return [Math.max(0, startMs), endMs];
  const { oldest, current } = rollingSlots(SAMPLE_MS);
  return [oldest * ROLLING_SLOT_MS, (current + 1) * ROLLING_SLOT_MS];
}

describe("a new limit counts what its window already holds", () => {
  test("whatever ends while it is made: the counter is what the scope used, and the fold of the ledger", async () => {
    let runs = 0;
    const settings = fc.record({
      kind: fc.constantFrom("org", "feature", "user", "session"),
      measure: fc.constantFrom("usd" as const, "tokens" as const, "requests" as const),
      window: fc.constantFrom(
        "lifetime" as const,
        "month" as const,
        "day" as const,
        "hour" as const,
        "rolling_24h" as const,
      ),
      time_zone: fc.constantFrom("UTC", "Asia/Kolkata"),
      /** At each moment: calls begun, and calls ended, the oldest first or the newest. */
      steps: fc.array(fc.record({ begun: fc.nat(2), ended: fc.nat(3), newest: fc.boolean() }), {
        minLength: 8,
        maxLength: 14,
      }),
      outputs: fc.infiniteStream(fc.nat(200)),
      agesMs: fc.infiniteStream(fc.constantFrom(0, 0, 60_000, 3_600_000, 5 * 3_600_000)),
    });
    await fc.assert(
      fc.asyncProperty(settings, async ({ kind, measure, window, time_zone, steps, outputs, agesMs }) => {
        const value = `v${++runs}`;
        const running: Call[] = [];
        const left = [...steps];
        const step = async (): Promise<void> => {
          const { begun, ended, newest } = left.shift() ?? { begun: 1, ended: 1, newest: true };
          for (let i = 0; i < begun; i++)
            running.push(
              await begin({ [kind === "org" ? "feature" : kind]: value }, SAMPLE_MS - (agesMs.next().value ?? 0)),
            );
          for (let i = 0; i < ended; i++) {
            const call = newest ? running.pop() : running.shift();
            if (call !== undefined) await end(call, outputs.next().value ?? 0);
          }
        };
        await step();
        await step();
        meanwhile = step;
        const scope = kind === "org" ? "org" : `${kind}:${value}`;
        const making = service.create(wanted({ scope, measure, window, time_zone }), "tester");
        let made = false;
        const seen = making.then(() => (made = true));
        while (!made && errors.length === 0) {
          await Promise.race([seen, new Promise((resolve) => setTimeout(resolve, 1))]);
          if (!made) await step();
        }
        meanwhile = () => Promise.resolve();
        while (running.length > 0) await end(running.pop() as Call, outputs.next().value ?? 0);
        await expectExact((await making).id);
      }),
      { numRuns: 25, seed: 3 },
    );
    expect(gateway.failures).toEqual([]);
    const verified = await verifyLedger(database.db, { tenant: DEFAULT_TENANT, from: 1n, to: "latest", keys });
    expect(verified).toMatchObject({ result: "PASS" });
  });

  test("two limits made at once both count everything, and come into force one after the other", async () => {
    await end(await begin({ team: "apart" }), 50);
    const running = await begin({ team: "apart" });
    const [usd, calls] = await Promise.all([
      service.create(wanted({ scope: "team:apart" }), "tester"),
      service.create(wanted({ scope: "team:apart", measure: "requests", amount: "10" }), "tester"),
    ]);
    await end(running, 30);
    expect(await expectExact(usd.id)).toBe(2n * 100n * 150n + 80n * 600n);
    expect(await expectExact(calls.id)).toBe(2n);
    expect(service.snapshot.version).toBe(3);
  });

  test.each(["before draining", "drained", "before summing", "summed"])(
    "a call that ends right when the sums are %s is counted once",
    async (moment) => {
      const team = moment.replace(" ", "-");
      const running = await begin({ team });
      meanwhile = async (now) => {
        if (now === moment) await end(running, 10);
      };
      const made = await service.create(wanted({ scope: `team:${team}`, measure: "requests" }), "tester");
      expect(made.state.settled).toBe("1");
      expect(await expectExact(made.id)).toBe(1n);
    },
  );

  test("a call under way when it comes into force cannot be refused by it, and counts once when it ends", async () => {
    const running = await begin({ team: "late" });
    const made = await service.create(wanted({ scope: "team:late", measure: "requests", amount: "0" }), "tester");
    expect(made.state).toMatchObject({ settled: "0", remaining: "0" });
    await end(running, 10);
    expect(await expectExact(made.id)).toBe(1n);
    await expect(begin({ team: "late" })).rejects.toThrow("Request limit exceeded");
  });

  test("other environments, other scopes and other windows are not its business", async () => {
    await end(await begin({ team: "other" }), 10);
    await end(await begin({ team: "mine" }, SAMPLE_MS - 24 * 3_600_000), 10);
    await end(await begin({ team: "mine" }), 10);
    const made = await service.create(wanted({ scope: "team:mine", measure: "requests", window: "day" }), "tester");
    expect(made.state.settled).toBe("1");
    const elsewhere = { db: database.db, keys, tenant: DEFAULT_TENANT, environment: "dev" };
    const limit = service.snapshot.byId(made.id) as Limit;
    expect((await recordedAmounts(elsewhere, limit, SAMPLE_MS, [])).sums.size).toBe(0);
  });

  test("a call of another environment that ends while the limit is made is not counted by it", async () => {
    const settled = { startedMs: SAMPLE_MS, used: { usd: 1n, tokens: 1n, requests: 1n } };
    const call = { dimensions: { team: "elsewhere" }, model: "m", provider: "p", key: null };
    meanwhile = (moment) => {
      if (moment === "summed")
        for (const environment of ["dev", "prod"])
          gateway.tap.push({ ...settled, call, tenant: DEFAULT_TENANT, environment, decision: environment });
      return Promise.resolve();
    };
    const made = await service.create(wanted({ scope: "team:elsewhere", measure: "requests" }), "tester");
    expect(made.state.settled).toBe("1");
  });
});

describe("one version after another", () => {
  test("a change counts at once, keeps what was counted, and is in the database and the ledger", async () => {
    const { id } = await service.create(wanted({ scope: "team:change", measure: "requests", amount: "1" }), "ann");
    await end(await begin({ team: "change" }), 10);
    await expect(begin({ team: "change" })).rejects.toThrow("exceeded");
    const changed = await service.update(id, { amount: "2", mode: "hard", version: 1 }, "ben");
    expect(changed).toMatchObject({ id, amount: "2", version: 2, state: { settled: "1", remaining: "1" } });
    await end(await begin({ team: "change" }), 10);
    await service.remove(id, "cem");
    await end(await begin({ team: "change" }), 10);
    expect((await limitHistory(database.db, place, id)).map((version) => version.amount)).toEqual([1n, 2n, null]);
    await expect(service.get(id)).rejects.toThrow("There is no limit");
  });

  test("a version that is not the last one changes nothing", async () => {
    const { id } = await service.create(wanted({ scope: "team:versions" }), "ann");
    await service.update(id, { amount: "5" }, "ann");
    await expect(service.update(id, { amount: "6", version: 1 }, "ben")).rejects.toMatchObject({
      code: "VERSION_CONFLICT",
    });
    expect(await service.get(id)).toMatchObject({ amount: "5.000000000", version: 2 });
  });

  test("of two changes of one version at once, one is refused", async () => {
    const { id } = await service.create(wanted({ scope: "team:race" }), "ann");
    const both = await Promise.allSettled(
      [2, 3].map((amount) => service.update(id, { amount: `${amount}`, version: 1 }, "x")),
    );
    expect(both.map((result) => result.status)).toEqual(["fulfilled", "rejected"]);
    expect(await service.get(id)).toMatchObject({ amount: "2.000000000", version: 2 });
  });

  test.each([
    ["usd", "1e3"],
    ["usd", "-1"],
    ["usd", "1.0000000001"],
    ["tokens", "1.5"],
    ["requests", ""],
  ] as const)("%s %j is no amount, and nothing comes of it", async (measure, amount) => {
    const before = service.snapshot;
    await expect(service.create(wanted({ measure, amount }), "x")).rejects.toMatchObject({ code: "REQUEST_INVALID" });
    expect(service.snapshot).toBe(before);
  });

  test("what was answered is what a restart would load", async () => {
    await service.create(
      wanted({ scope: "team:loaded", window: "day", time_zone: "Europe/Berlin", mode: "soft" }),
      "x",
    );
    const stored = await storedLimits();
    const inForce = service.snapshot.all();
    expect(stored.filter((limit) => inForce.some(({ id }) => id === limit.id))).toEqual(inForce);
  });
});

describe("what goes wrong", () => {
  test("a limit that the ledger could not be told of never was", async () => {
    const other = mkdtempSync(join(tmpdir(), "tollhouse-limits-closed-"));
    const closed = await openSpool({ dir: other });
    await closed.close();
    service = serviceOn(closed);
    await expect(service.create(wanted({ scope: "team:unwritten" }), "x")).rejects.toThrow();
    expect(service.snapshot.all()).toEqual([]);
    expect(gateway.tap.open).toBe(false);
    rmSync(other, { recursive: true });
  });

  test("a session's limit whose deletion the ledger could not be told of goes on holding", async () => {
    const other = mkdtempSync(join(tmpdir(), "tollhouse-limits-closing-"));
    const closing = await openSpool({ dir: other });
    service = serviceOn(closing, 10n ** 9n);
    const limit = await service.create(wanted({ scope: "session:held" }), "x");
    await end(await begin({ session: "held" }), 50);
    await closing.close();
    await expect(service.remove(limit.id, "x")).rejects.toThrow();
    expect(service.snapshot.all().map(({ id }) => id)).toEqual([limit.id]);
    // Else the next try would find counted what the ledger was never told of, and a start would forget it.
    const call = { dimensions: { session: "held" }, model: "", provider: "", key: null };
    const fallback = service.snapshot.without(limit.id).match(call)[0] as Limit;
    expect([fallback.derived, gateway.counters.read(fallback, SAMPLE_MS).settled]).toEqual([true, 0n]);
    rmSync(other, { recursive: true });
  });

  test("a limit that the database refused is taken back, in force and in the ledger, and the next one is made", async () => {
    await expect(
      service.create(wanted({ scope: "team:refused", time_zone: "Nowhere/At all\u0000" }), "x"),
    ).rejects.toThrow();
    expect(service.snapshot.all()).toEqual([]);
    expect((await service.create(wanted({ scope: "team:next" }), "x")).version).toBe(1);
  });

  test("sums that cannot be read stop the limit, and nobody listens on", async () => {
    meanwhile = (moment) => (moment === "summed" ? Promise.reject(new Error("database away")) : Promise.resolve());
    await expect(service.create(wanted({ scope: "team:away" }), "x")).rejects.toThrow("database away");
    expect([service.snapshot.all(), gateway.tap.open]).toEqual([[], false]);
  });
});
