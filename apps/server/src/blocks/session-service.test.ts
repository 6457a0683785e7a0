import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compilePolicies, countedOn, createLimitSnapshot, type CounterSlot, type Limit } from "@tollhouse/engine";
import { DEFAULT_TENANT, openSpool, type AdminRecord, type Spool } from "@tollhouse/store";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { SAMPLE_MS, sampleGateway, spooled, type SampleGateway } from "../gateway/sample-call.ts";
import { SessionService } from "./session-service.ts";

const BUDGET = 10_000n;
const place = { tenant: DEFAULT_TENANT, environment: "prod" };
const amounts = (usd: bigint): { usd: bigint; tokens: bigint; requests: bigint } => ({ usd, tokens: 0n, requests: 1n });

let dir: string;
let spool: Spool;
let gateway: SampleGateway;
let service: SessionService;
const snapshot = createLimitSnapshot({ version: 1, limits: [], defaultSessionBudget: BUDGET });

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "tollhouse-sessions-"));
  spool = await openSpool({ dir });
});
afterAll(async () => {
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
});
const now = (): number => SAMPLE_MS;

beforeEach(() => {
  gateway = sampleGateway({ spool, limits: () => snapshot });
  service = serviceOn(spool);
});

function serviceOn(written: Pick<Spool, "append">): SessionService {
  const blocks = { frozen: () => null };
  const { counters } = gateway;
  const { rules: policies } = gateway;
  const limits = { snapshot };
  const standing = counters;
  return new SessionService({ ...place, blocks, limits, policies, counters, standing, spool: written, now });
}

function limitOf(session: string): Limit {
  const [limit] = snapshot.match({ dimensions: { session }, model: "", provider: "", key: null });
  return limit as Limit;
}

function spend(session: string, id: string, usd: bigint): void {
  gateway.counters.reserve(id, [limitOf(session)], amounts(usd), SAMPLE_MS);
  gateway.counters.settle(id, amounts(usd));
}

async function resets(session: string): Promise<AdminRecord[]> {
  const records = await spooled(gateway);
  return records.filter((one) => one.t === "admin" && one.subject === session) as AdminRecord[];
}

test("a reset takes back what was settled and not what running calls hold; they settle into the new start", async () => {
  const limit = limitOf("held");
  spend("held", "first", 6_000n);
  gateway.counters.reserve("second", [limit], amounts(3_000n), SAMPLE_MS);
  const { budgets } = await service.reset("held", "admin-key");
  expect(budgets).toMatchObject([{ settled: "0.000000000", reserved: "0.000003000", remaining: "0.000007000" }]);
  // What is held was not given away: 7,000 fit beside it, and no more.
  expect(gateway.counters.reserve("third", [limit], amounts(7_001n), SAMPLE_MS).outcome).toBe("refused");
  gateway.counters.settle("second", amounts(2_500n));
  expect(gateway.counters.read(limit, SAMPLE_MS)).toMatchObject({ settled: 2_500n, reserved: 0n });
  expect(gateway.counters.audit()).toEqual([]);
  const [record] = await resets("held");
  expect(record).toMatchObject({ action: "session.reset", actor: "admin-key" });
  expect(record?.counters).toEqual([{ limit: limit.id, window: "lifetime", amount: "-6000" }]);
});

test("a reset that cannot be recorded never was, and what settled meanwhile stays", async () => {
  spend("unrecorded", "one", 6_000n);
  const refusing = {
    append: (): Promise<void> => {
      spend("unrecorded", "meanwhile", 500n);
      return Promise.reject(new Error("full"));
    },
  };
  await expect(serviceOn(refusing).reset("unrecorded", "admin-key")).rejects.toThrow("full");
  expect(gateway.counters.read(limitOf("unrecorded"), SAMPLE_MS).settled).toBe(6_500n);
  expect(await resets("unrecorded")).toEqual([]);
});

test("a reset of a session that spent nothing says so in the ledger and counts nothing", async () => {
  await service.reset("idle", "key_1");
  const [record] = await resets("idle");
  expect([record?.actor, record?.counters]).toEqual(["key_1", undefined]);
});

test("only the session's own budgets are shown, and only the default one is reset", async () => {
  const own = { ...limitOf("rich"), id: "lim_own", derived: false, amount: 1n };
  const team = { ...own, id: "lim_team", scope: "team:rich" };
  const limits = { snapshot: createLimitSnapshot({ version: 1, limits: [own, team], defaultSessionBudget: BUDGET }) };
  const blocks = { frozen: () => null };
  const rich = new SessionService({
    ...place,
    blocks,
    limits,
    policies: gateway.rules,
    counters: gateway.counters,
    standing: gateway.counters,
    spool,
    now: () => SAMPLE_MS,
  });
  const { budgets } = await rich.get("rich");
  expect(budgets.map((budget) => [budget.limit_id, budget.default])).toEqual([["lim_own", false]]);
  await expect(rich.reset("rich", "admin-key")).rejects.toThrow(/no default budget/);
});

describe("policies", () => {
  const limit = { measure: "usd", amount: "1", window: "lifetime", mode: "hard", scope: "session" } as const;
  const policies = compilePolicies([
    {
      id: "pol_1",
      version: 1,
      created_at: new Date(SAMPLE_MS).toISOString(),
      name: "sessions",
      attach: "default",
      priority: 0,
      mode: "enforce",
      limits: [limit, { ...limit, measure: "requests", window: "rolling_24h" }, { ...limit, scope: "team" }],
    },
  ]);

  function counted(scope: "session" | "team", value: string, part: Partial<CounterSlot> = {}): Limit {
    const slot = { measure: "usd", window: "lifetime", mode: "hard", timeZone: "UTC", scope, ...part } as const;
    return countedOn(slot, value, gateway.rules.idOf);
  }

  /** What the session, another one and their team have settled: dollars, requests; dollars; dollars. */
  function settled(): readonly bigint[] {
    const rolling = counted("session", "s", { measure: "requests", window: "rolling_24h" });
    return [counted("session", "s"), rolling, counted("session", "other"), counted("team", "t")].map(
      (one) => gateway.counters.read(one, SAMPLE_MS).settled,
    );
  }

  function use(session: string, id: string, hoursAgo: number): void {
    const rolling = counted("session", session, { measure: "requests", window: "rolling_24h" });
    const all = [counted("session", session), rolling, counted("team", "t")];
    gateway.counters.reserve(id, all, amounts(100n), SAMPLE_MS - hoursAgo * 3_600_000);
    gateway.counters.settle(id, amounts(100n));
  }

  beforeEach(() => {
    gateway.rules = { ...gateway.rules, snapshot: policies };
    service = serviceOn(spool);
    use("s", "old", 30);
    use("s", "earlier", 20);
    use("s", "now", 0);
    use("other", "others", 0);
  });

  test("a reset takes back what they counted of the session, in every window that counts, and nothing of anybody else", async () => {
    expect(settled()).toEqual([300n, 2n, 100n, 400n]);
    await service.reset("s", "admin-key");
    expect(settled()).toEqual([0n, 0n, 100n, 400n]);
    const [record] = await resets("s");
    expect(record?.counters?.map(({ amount }) => amount)).toEqual(["-300", "-1", "-1"]);
    expect(JSON.parse(record?.before ?? "")).toMatchObject({
      limits: [{}, { settled: "0.000000300" }, { settled: "2" }],
    });
  });

  test("one that cannot be recorded takes back nothing", async () => {
    const refusing = { append: () => Promise.reject(new Error("full")) };
    await expect(serviceOn(refusing).reset("s", "admin-key")).rejects.toThrow("full");
    expect(settled()).toEqual([300n, 2n, 100n, 400n]);
  });

  test("a session without a default budget starts those of policies anew", async () => {
    const none = createLimitSnapshot({ version: 1, limits: [], defaultSessionBudget: null });
    const parts = { ...place, blocks: { frozen: () => null }, limits: { snapshot: none }, policies: gateway.rules };
    const { counters } = gateway;
    const alone = new SessionService({ ...parts, counters, standing: counters, spool, now });
    await alone.reset("s", "admin-key");
    expect(settled()).toEqual([0n, 0n, 100n, 400n]);
  });
});
