import { faultProxy, testDatabase, type FaultProxy, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { PolicyDocument } from "@tollhouse/contract";
import { DEFAULT_TENANT } from "@tollhouse/store";
import { ADMIN_ACCESS } from "../control/access.ts";
import { reasonOf } from "../control/control-api.ts";
import type { Exchange } from "../gateway/exchange.ts";
import type { PlaceServices } from "../tenants/load-place.ts";
import { sampleProcess, type SampleProcess } from "./sample-process.ts";

// Two processes on one database: `one` changes, `two` has it. No listener, so what would be in force for the next call is asked directly.

const place = { tenant: DEFAULT_TENANT, environment: "prod" };
const actor = "admin-key";
/** Far more than the second it takes: how long it took decides nothing here. */
const DEADLINE_MS = 15_000;

let database: TestDatabase;
let one: SampleProcess;
let two: SampleProcess;
let names = 0;
let name: string;

beforeAll(async () => {
  database = await testDatabase();
  [one, two] = await Promise.all([sampleProcess({ url: database.url }), sampleProcess({ url: database.url })]);
}, 60_000);
afterAll(async () => {
  await one.close();
  await two.close();
  await database.drop();
});
beforeEach(() => {
  name = `n${++names}`;
});

const at = (process: SampleProcess): PlaceServices => process.tenants.at(place);

async function inForce<T>(ask: () => T, expected: unknown, on = two): Promise<void> {
  const until = performance.now() + DEADLINE_MS;
  for (;;) {
    const found = asked(ask);
    if (JSON.stringify(found) === JSON.stringify(expected)) return;
    if (performance.now() > until)
      return expect({ found, said: on.lines, state: on.follower.state().staleForMs }).toEqual({ found: expected });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What is not there is the code that a client would read. */
function asked<T>(ask: () => T): T | string {
  try {
    return ask();
  } catch (error) {
    return reasonOf(error).code;
  }
}

/** A call under way that remembers why it was cut. */
function runningCall(process: SampleProcess, dimensions: object): string[] {
  const cuts: string[] = [];
  const call = {
    sentAt: 1,
    ended: false,
    otherModels: [],
    provider: "openai",
    facts: { model: "m", otherModels: [] },
    identity: { ...place, dimensions, key: null },
  };
  process.running.push({ call, cut: (code: string) => cuts.push(code) } as unknown as Exchange);
  return cuts;
}

describe("what one process changes is in force in the other", () => {
  test("a limit: made, changed, deleted", async () => {
    const input = { scope: `user:${name}`, measure: "usd", amount: "5", window: "day", mode: "hard" } as const;
    const { id } = await at(one).limits.create(input, actor);
    const amount = (): string | undefined => at(two).limits.snapshot.byId(id)?.amount.toString();
    await inForce(amount, "5000000000");
    await at(one).limits.update(id, { amount: "7" }, actor);
    await inForce(amount, "7000000000");
    // And the other way, from what it has just heard.
    await at(two).limits.remove(id, actor);
    await inForce(() => at(one).limits.snapshot.byId(id)?.amount.toString(), undefined, one);
  });

  test("a kill switch cuts what runs at the other, and what it does not hit goes on", async () => {
    const [hit, spared] = [runningCall(two, { agent: name }), runningCall(two, { agent: "other" })];
    const block = await at(one).blocks.blocks.create("kill_switch", { scope: `agent:${name}`, reason: "r" }, actor);
    await inForce(() => hit, ["KILL_SWITCH_ACTIVE"]);
    expect(spared).toEqual([]);
    await at(two).blocks.blocks.lift("kill_switch", block.id, actor);
    await inForce(() => at(one).blocks.blocks.get("kill_switch", block.id), "NOT_FOUND", one);
  });

  test("one that was lifted where it was heard of stays lifted while its row is on its way", async () => {
    const block = await at(one).blocks.blocks.create("blocklist", { scope: `user:${name}`, reason: "r" }, actor);
    await inForce(() => at(two).blocks.blocks.get("blocklist", block.id).reason, "r");
    await at(two).blocks.blocks.lift("blocklist", block.id, actor);
    // As it is in the database until the recorder has come so far.
    await at(two).blocks.blocks.refresh(database.db, [block.id]);
    await at(two).blocks.blocks.refresh(database.db, null);
    expect(asked(() => at(two).blocks.blocks.get("blocklist", block.id))).toBe("NOT_FOUND");
    await inForce(() => at(one).blocks.blocks.get("blocklist", block.id), "NOT_FOUND", one);
  });

  test("a session that both froze in the same moment is frozen until one unfreeze, which lifts both", async () => {
    const freeze = (on: SampleProcess): Promise<unknown> => at(on).blocks.blocks.freeze(name, { reason: "r" }, actor);
    await Promise.all([freeze(one), freeze(two)]);
    const freezes = (on: SampleProcess): number =>
      at(on).blocks.blocks.snapshot.on("frozen_session", `session:${name}`).length;
    await inForce(() => [freezes(one), freezes(two)], [2, 2]);
    expect(await at(one).blocks.blocks.unfreeze(name, actor)).toBe(true);
    await inForce(() => [freezes(one), freezes(two)], [0, 0]);
    expect(at(two).blocks.blocks.frozen(name)).toBe(null);
  });

  test("a key: made, changed, revoked", async () => {
    const rules = { permissions: ["call" as const], fixed: {}, settable: null, models: null };
    const rates = { requests_per_minute: null, tokens_per_minute: null, expires_at: null };
    const made = await one.tenants.of(DEFAULT_TENANT).keys.create({ name, ...rules, ...rates }, "prod", ADMIN_ACCESS);
    const found = (): unknown => {
      const grant = two.directory.find(made.key);
      return typeof grant === "string" ? grant : [...(grant.key.rules.models ?? [])];
    };
    await inForce(found, []);
    const keys = one.tenants.of(DEFAULT_TENANT).keys;
    await keys.update(made.id, { models: ["gpt-*"] }, "prod", ADMIN_ACCESS);
    await inForce(found, ["gpt-*"]);
    await keys.revoke(made.id, "prod", ADMIN_ACCESS);
    await inForce(found, "KEY_REVOKED");
  });

  test("a plan, who is on it, and a policy attached to it: made, changed, deleted", async () => {
    const { plans, policies } = at(one).policies;
    await plans.put(name, { description: "d" }, actor, null);
    await plans.assign({ holder: "user", value: name }, name, actor);
    await inForce(() => at(two).policies.planOf({ user: name }, undefined), { plan: name, holder: "user" });
    const document: PolicyDocument = { name, attach: { plan: name }, priority: 0, mode: "enforce" };
    const policy = await policies.create(document, actor);
    const versions = (): number[] =>
      at(two)
        .policies.snapshot.find({ user: undefined, feature: undefined, plan: name })
        .map(({ giver }) => giver.version);
    await inForce(versions, [1]);
    await policies.update(policy.id, { ...document, priority: 1 }, actor, null);
    await inForce(versions, [2]);
    await at(two).policies.policies.remove(policy.id, actor, null);
    await plans.assign({ holder: "user", value: name }, null, actor);
    await inForce(() => at(two).policies.planOf({ user: name }, undefined), { plan: null });
    await inForce(() => at(one).policies.snapshot.byId(policy.id) === undefined, true, one);
    await plans.remove(name, actor, null);
    await inForce(() => at(two).policies.plans.has(name), false);
  });

  test("an anomaly rule, a provider key, payload logging", async () => {
    const services = at(one);
    const rule = { kind: "burst", per: "agent", threshold: "5", window_seconds: 60, action: "alert" } as const;
    const { id } = await services.anomalies.create(rule, actor);
    await inForce(() => at(two).anomalies.get(id).threshold, "5");
    await services.anomalies.update(id, { threshold: "9" }, actor);
    await inForce(() => at(two).anomalies.get(id).threshold, "9");
    await services.anomalies.remove(id, actor);
    await inForce(() => at(two).anomalies.get(id), "NOT_FOUND");

    await services.providerKeys.set("openai", "sk-of-the-tenant-0123456789", actor);
    await inForce(() => at(two).providerKeys.find("openai")?.state, "active");
    await services.providerKeys.remove("openai", actor);
    await inForce(() => at(two).providerKeys.find("openai")?.state, undefined);

    const input = { enabled: true, retention_days: 3 };
    await services.payloads.update("prod", input, actor, null);
    await inForce(() => at(two).payloads.get("prod").retention_days, 3);
  });

  test("a tenant and an environment, and what is made in them at once", async () => {
    const { id: tenant } = await one.making.create({ name: `t${name}` }, ADMIN_ACCESS);
    const access = { ...ADMIN_ACCESS, tenant };
    await one.making.createEnvironment({ name: "qa" }, access);
    const qa = { tenant, environment: "qa" };
    const input = { scope: "org", measure: "usd", amount: "5", window: "day", mode: "hard" } as const;
    const { id } = await one.tenants.at(qa).limits.create(input, actor);
    await inForce(() => two.tenants.has(qa) && two.tenants.at(qa).limits.snapshot.byId(id)?.id, id);
    expect(two.tenants.byName(`t${name}`)?.environments.map((environment) => environment.name)).toContain("qa");
    const taken = two.making.create({ name: `t${name}` }, ADMIN_ACCESS);
    await expect(taken).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
  });
});

test("a plan that one deletes while the other attaches a policy to it, or puts somebody on it: one of them is refused", async () => {
  for (let round = 0; round < 6; round++) {
    const plan = `${name}-${round}`;
    await at(one).policies.plans.put(plan, { description: "" }, actor, null);
    await inForce(() => at(two).policies.plans.has(plan), true);
    const document: PolicyDocument = { name, attach: { plan }, priority: 0, mode: "enforce" };
    const { plans, policies } = at(two).policies;
    const tried = await Promise.allSettled([
      at(one).policies.plans.remove(plan, actor, null),
      round % 2 === 0
        ? policies.create(document, actor)
        : plans.assign({ holder: "customer", value: plan }, plan, actor),
    ]);
    const refused = tried.flatMap((each) => (each.status === "rejected" ? [reasonOf(each.reason)] : []));
    expect(refused.map(({ code }) => code)).toEqual(["REQUEST_INVALID"]);
    expect(refused[0]?.message).toMatch(/plan/);
  }
});

test("a plan is deleted in the version that was read", async () => {
  const { plans } = at(one).policies;
  await plans.put(name, { description: "first" }, actor, null);
  await database.db.query("UPDATE plans SET version = 7 WHERE name = $1", [name]);
  const code = await plans.remove(name, actor, null).catch((error: unknown) => reasonOf(error).code);
  // Heard of meanwhile, it is deleted in the version that it is at.
  expect([undefined, "VERSION_CONFLICT"]).toContain(code);
  const { rows } = await database.db.query("SELECT version FROM plans WHERE name = $1", [name]);
  expect(rows).toHaveLength(code === undefined ? 0 : 1);
});

test("whoever changes what another process has changed since is refused, and nothing is half made", async () => {
  const input = { scope: `user:${name}`, measure: "usd", amount: "5", window: "day", mode: "hard" } as const;
  const { id } = await at(one).limits.create(input, actor);
  await inForce(() => at(two).limits.snapshot.byId(id)?.version, 1);
  const both = await Promise.allSettled([
    at(one).limits.update(id, { amount: "6" }, actor),
    at(two).limits.update(id, { amount: "7" }, actor),
  ]);
  const lost = both.filter((each) => each.status === "rejected").map(({ reason }) => reasonOf(reason).code);
  expect(lost).toEqual(["VERSION_CONFLICT"]);
  const amounts = (): unknown[] => [one, two].map((on) => at(on).limits.snapshot.byId(id)?.version);
  await inForce(amounts, [2, 2]);
  expect(at(one).limits.snapshot.byId(id)?.amount).toBe(at(two).limits.snapshot.byId(id)?.amount);
});

test("a notification that never comes is made up for by the next question", async () => {
  const [told] = (
    await database.db.query<{ text: string }>(
      "SELECT pg_get_functiondef('number_configuration_change'::regproc) AS text",
    )
  ).rows;
  const text = told?.text as string;
  expect(text).toContain("PERFORM pg_notify");
  await database.db.query(text.replace("PERFORM pg_notify", "PERFORM pg_notify('nobody', ''); --"));
  const input = { scope: `user:${name}`, measure: "usd", amount: "5", window: "day", mode: "hard" } as const;
  const { id } = await at(one).limits.create(input, actor);
  await inForce(() => at(two).limits.snapshot.byId(id)?.id, id);
  await database.db.query(text);
});

describe("a connection that fails", () => {
  let proxy: FaultProxy;
  let third: SampleProcess;
  beforeAll(async () => {
    const target = new URL(database.url);
    const host = target.searchParams.get("host");
    proxy = await faultProxy(
      host === null
        ? { host: target.hostname, port: Number(target.port) }
        : { path: `${host}/.s.PGSQL.${target.port}` },
    );
    const followUrl = new URL(database.url);
    followUrl.searchParams.delete("host");
    followUrl.host = `127.0.0.1:${proxy.port}`;
    third = await sampleProcess({ url: database.url, followUrl: followUrl.href, staleMs: 500 });
  }, 60_000);
  afterAll(async () => {
    proxy.set(null);
    await third.close();
    await proxy.close();
  });

  test("one that is half open: what is in force grows old, is then too old to admit by, and is whole again once there is an answer", async () => {
    await inForce(() => third.follower.stale(), false, third);
    proxy.set({ kind: "silent" });
    const input = { scope: `user:${name}`, measure: "usd", amount: "5", window: "day", mode: "hard" } as const;
    const { id } = await at(one).limits.create(input, actor);
    await inForce(() => third.follower.stale(), true, third);
    expect(at(third).limits.snapshot.byId(id)).toBe(undefined);
    proxy.set({ kind: "cut" });
    proxy.set(null);
    await inForce(() => at(third).limits.snapshot.byId(id)?.id, id, third);
    await inForce(() => third.follower.state().staleForMs < 60_000, true, third);
  });

  test("further behind than the log reaches: everything is read anew", async () => {
    const old = { scope: `user:${name}`, measure: "usd", amount: "5", window: "day", mode: "hard" } as const;
    const gone = await at(one).limits.create(old, actor);
    const block = await at(one).blocks.blocks.create("blocklist", { scope: `user:${name}`, reason: "r" }, actor);
    await inForce(() => at(third).limits.snapshot.byId(gone.id)?.version, 1, third);
    await inForce(() => at(third).blocks.blocks.get("blocklist", block.id).reason, "r", third);
    proxy.set({ kind: "cut" });
    const cut = runningCall(third, { agent: name });
    await at(one).limits.remove(gone.id, actor);
    await at(one).blocks.blocks.lift("blocklist", block.id, actor);
    const made = await at(one).limits.create(old, actor);
    await at(one).blocks.blocks.create("kill_switch", { scope: `agent:${name}`, reason: "r" }, actor);
    const { id: tenant } = await one.making.create({ name: `t${name}` }, ADMIN_ACCESS);
    await one.recorder.drained();
    await database.db.query("DELETE FROM configuration_changes");
    proxy.set(null);
    await inForce(() => cut, ["KILL_SWITCH_ACTIVE"], third);
    await inForce(() => at(third).blocks.blocks.get("blocklist", block.id), "NOT_FOUND", third);
    const limits = (): unknown[] => [gone, made].map(({ id }) => at(third).limits.snapshot.byId(id)?.version ?? null);
    await inForce(limits, [null, 1], third);
    await inForce(() => third.tenants.has({ tenant, environment: "prod" }), true, third);
  });
});
