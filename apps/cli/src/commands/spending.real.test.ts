import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startedTollhouse, type StartedTollhouse } from "@tollhouse/testkit/started-tollhouse";
import type { Key, Limit, Session } from "@tollhouse/contract/control-client";
import { json, ran } from "../cli-fixture.ts";
import { widthOf } from "../terminal/table.ts";

let server: StartedTollhouse;
beforeAll(async () => {
  server = await startedTollhouse();
});
afterAll(() => server.stop());

const cli = (args: string | readonly string[], options = {}) => ran(server.url, args, options);

async function call(session: string, agent = "sdr"): Promise<number> {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tollhouse-session": session, "x-tollhouse-agent": agent },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 }),
  });
  await response.arrayBuffer();
  return response.status;
}

describe("budgets and limits", () => {
  test("`budgets set` makes a budget, and the next time changes the same one", async () => {
    const made = await json<Limit>(server.url, "budgets set session:run-1 25.00");
    expect(made).toMatchObject({
      scope: "session:run-1",
      measure: "usd",
      amount: "25.000000000",
      window: "lifetime",
      version: 1,
    });
    const changed = await json<Limit>(server.url, "budgets set session:run-1 40 --soft");
    expect(changed).toMatchObject({ id: made.id, amount: "40.000000000", mode: "soft", version: 2 });
    const other = await json<Limit>(server.url, "budgets set session:run-1 5 --window day");
    expect(other.id).not.toBe(made.id);
  });

  test("a list is the API's answer in JSON, and a table of at most its terminal's columns without a cut id", async () => {
    await json(server.url, "budgets set team:a-team-whose-name-goes-on-and-on-and-on 1234567.891");
    const { limits } = await json<{ limits: Limit[] }>(server.url, "budgets list");
    const wide = await cli("budgets list");
    for (const { id, scope } of limits) expect(wide.out).toMatch(new RegExp(`^${scope} .* ${id}$`, "m"));
    const narrow = await cli("limits list", { columns: 80 });
    expect(Math.max(...narrow.out.split("\n").map(widthOf))).toBeLessThanOrEqual(80);
    expect(narrow.out).toContain("$1,234,567.891");
  });

  test("`budgets list` has no limits of other measures, `limits list` has them", async () => {
    const made = await json<Limit>(server.url, "limits set agent:sdr requests 600 --window minute");
    expect((await cli("budgets list")).out).not.toContain(made.id);
    expect((await cli("limits list --scope agent:sdr")).out).toContain(made.id);
    const ids = async (asked: string) =>
      (await json<{ limits: Limit[] }>(server.url, asked)).limits.map(({ id }) => id);
    expect(await ids("limits list --measure requests")).toEqual([made.id]);
    expect(await ids("limits list --scope-kind agent")).toEqual([made.id]);
    expect(await ids("limits list --scope-kind agent --measure usd")).toEqual([]);
    expect(await cli("limits list --measure euros")).toMatchObject({ code: 2, out: "" });
    expect((await cli(`limits show ${made.id}`)).out).toContain("600 (requests, hard)");
  });

  test("a lost update, an unknown id, a wrong amount and a wrong key each have their exit code and one line", async () => {
    const { id } = await json<Limit>(server.url, "budgets set session:run-2 1");
    expect((await json<Limit>(server.url, `limits change ${id} --amount 2 --if-version 1`)).version).toBe(2);
    const lost = await cli(`limits change ${id} --amount 3 --if-version 1`);
    expect(lost).toMatchObject({ code: 5, out: "" });
    expect(lost.err).toMatch(/^tollhouse: VERSION_CONFLICT: .*\n$/);
    expect(await cli("limits show lim_nothing")).toMatchObject({ code: 4 });
    const wrong = await cli("budgets set session:x -1e9");
    expect(wrong.code).toBe(6);
    expect(wrong.err).toMatch(/^tollhouse: REQUEST_INVALID: .*amount.*\n$/);
    expect(await cli("limits list", { env: { TOLLHOUSE_KEY: "th_admin_wrong" } })).toMatchObject({ code: 3 });
    const asJson = await cli("limits show lim_nothing --json");
    expect(JSON.parse(asJson.err)).toMatchObject({ reason_code: "NOT_FOUND", status: 404 });
  });

  test("what deletes asks first, and without anybody to ask it wants --yes", async () => {
    await json(server.url, "budgets set session:run-3 1");
    expect(await cli("budgets delete session:run-3")).toMatchObject({ code: 2, out: "" });
    expect(await cli("budgets delete session:run-3 --yes")).toMatchObject({ code: 0 });
    expect(await cli("budgets delete session:run-3 --yes")).toMatchObject({ code: 4 });
  });
});

describe("sessions, kill switches and the blocklist", () => {
  test("a session is listed with what it spent, frozen, unfrozen and reset", async () => {
    expect(await call("run-9")).toBe(200);
    await server.recorded();
    expect((await cli("sessions list", { columns: 80 })).out).toMatch(/^run-9 +active +1 /m);
    const frozen = await cli(["sessions", "freeze", "run-9", "--reason", "too fast", "--for", "10m"]);
    expect(frozen.out).toBe("Froze run-9; 0 running calls ended.\n");
    expect(await call("run-9")).toBe(403);
    expect((await cli("sessions show run-9")).out).toMatch(/reason +too fast/);
    expect((await json<Session>(server.url, "sessions unfreeze run-9")).state).toBe("active");
    const reset = await json<Session>(server.url, "sessions reset run-9 --yes");
    expect(reset.budgets[0]?.settled).toBe("0.000000000");
  });

  test("a scope without a budget has none to show", async () => {
    expect(await cli("budgets show team:nobody --json")).toMatchObject({ code: 4, out: "" });
  });

  test("`kill agent x` stops that agent alone, `unkill` lets it go on", async () => {
    const killed = await cli(["kill", "agent", "rogue", "--reason", "spends at night", "--yes"]);
    expect(killed.out).toMatch(/^Stopped agent:rogue; 0 running calls ended\. /);
    expect([await call("run-10", "rogue"), await call("run-10", "good")]).toEqual([451, 200]);
    expect((await cli("kill-switches list", { columns: 80 })).out).toMatch(/^agent:rogue +active /m);
    expect((await cli("kill-switches preview agent:rogue")).out).toMatch(
      /^agent:rogue: 0 calls in the last hour, 0 running now\./,
    );
    expect(await cli("unkill agent rogue")).toMatchObject({ code: 0 });
    expect(await call("run-10", "rogue")).toBe(200);
    expect(await cli("unkill agent rogue")).toMatchObject({ code: 4 });
  });

  test("everywhere means every environment, both ways", async () => {
    const killed = await cli("kill service search --reason x --everywhere --yes");
    expect(killed.out.match(/^Stopped service:search in (dev|prod|staging);/gm)).toHaveLength(3);
    const lifted = await cli("unkill service:search --everywhere");
    expect(lifted.out.match(/^Lifted /gm)).toHaveLength(3);
    expect(await cli("unkill service:search --everywhere")).toMatchObject({ code: 4, out: "" });
  });

  test("the blocklist takes a user in, and lets them go by scope", async () => {
    const blocked = await cli(["block", "user", "ada", "--reason", "left the company", "--for", "7d"]);
    expect(blocked.out).toMatch(/^Blocked user:/);
    const listed = await json<{ blocks: { id: string; scope: string }[] }>(server.url, "blocks list");
    expect(listed.blocks).toHaveLength(1);
    expect((await cli(`blocks show ${listed.blocks[0]?.id}`)).out).toContain("left the company");
    expect(await cli(`unblock ${listed.blocks[0]?.scope}`)).toMatchObject({ code: 0 });
  });
});

describe("keys", () => {
  test("the secret alone is on standard output, once, and in no later command", async () => {
    const made = await cli([
      "keys",
      "create",
      "search",
      "--fix",
      "team=search",
      "--models",
      "gpt-4o-*,claude-*",
      "--permissions",
      "call",
      "read",
      "--expires-in",
      "30d",
    ]);
    const secret = made.out.trim();
    expect(secret).toMatch(/^th_[a-z]+_\S+$/);
    expect(made.err).not.toContain(secret);
    const { keys } = await json<{ keys: Key[] }>(server.url, "keys list");
    const id = keys.find(({ name }) => name === "search")?.id ?? "";
    const later = await Promise.all([cli("keys list"), cli(`keys show ${id}`), cli(`keys show ${id} --json`)]);
    expect(later.map(({ out }) => out).join("")).not.toContain(secret);
    expect((await cli(`keys show ${id}`)).out).toMatch(/fixed +team=search/);
    expect((await cli("limits list", { env: { TOLLHOUSE_KEY: secret } })).code).toBe(0);
    expect((await cli("budgets set org 1", { env: { TOLLHOUSE_KEY: secret } })).err).toContain("PERMISSION_MISSING");
    const rotated = (await cli(`keys rotate ${id} --overlap 0s`)).out.trim();
    expect(rotated).not.toBe(secret);
    expect((await cli("limits list", { env: { TOLLHOUSE_KEY: secret } })).code).toBe(3);
    expect((await json<Key>(server.url, `keys change ${id} --requests-per-minute 9`)).requests_per_minute).toBe(9);
    expect(await cli(`keys revoke ${id} --yes`)).toMatchObject({ code: 0 });
    expect(await cli("limits list", { env: { TOLLHOUSE_KEY: rotated } })).toMatchObject({ code: 3 });
  });
});
