import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startedTollhouse, type StartedTollhouse } from "@tollhouse/testkit/started-tollhouse";
import { json, ran, type RanOptions } from "../cli-fixture.ts";
import type { Check } from "../doctor/checks.ts";

let server: StartedTollhouse;
beforeAll(async () => {
  server = await startedTollhouse();
});
afterAll(() => server.stop());

const cli = (args: string, options: RanOptions = {}) => ran(server.url, args, options);

test("of a server that is well, no line of `doctor` fails, and none is unknown to the admin", async () => {
  const { code, out } = await cli("doctor");
  expect([code, out.match(/^(FAIL|\?)/gm)]).toEqual([0, null]);
  for (const name of ["Node", "server", "clock", "key", "ready", "database", "Redis", "spool", "nodes", "overspend"])
    expect(out).toMatch(new RegExp(`^(ok|warn) +${name} `, "m"));
  expect((await cli("system", { columns: 80 })).out).toMatch(/^node .* version /);
});

test("a key is told what it may do, and that it does not see the stores", async () => {
  for (const [permissions, said] of [
    ["read", "may read"],
    ["manage read", "may read, manage"],
    ["call", "it is for calls"],
  ] as const) {
    const key = (await cli(`keys create k --permissions ${permissions}`)).out.trim();
    const { code, out } = await cli("doctor", { env: { TOLLHOUSE_KEY: key } });
    expect([code, out]).toEqual([0, expect.stringContaining(said)]);
    expect(out).toMatch(/^\? +stores, nodes +not looked at\n/m);
  }
});

test("no server, another server, no key and a wrong key each fail by name, exit code 1", async () => {
  const failed = async (url: string, key?: string) => {
    const { code, out } = await ran(
      url,
      "doctor",
      key === undefined ? {} : { env: { TOLLHOUSE_KEY: key, TOLLHOUSE_ADMIN_KEY: "" } },
    );
    return [code, /^FAIL +(\S+)/m.exec(out)?.[1], /^FAIL.*\n +→ .+/m.test(out)];
  };
  const other = createServer((_request, response) => void response.end("<html>"));
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  try {
    expect(await failed("http://127.0.0.1:1")).toEqual([1, "server", true]);
    expect(await failed(`http://127.0.0.1:${(other.address() as AddressInfo).port}`)).toEqual([1, "server", true]);
    expect(await failed(server.url, "")).toEqual([1, "key", true]);
    expect(await failed(server.url, "th_admin_wrong")).toEqual([1, "key", true]);
  } finally {
    other.close();
  }
});

test("what doctor found is JSON for scripts, also where it failed", async () => {
  const { checks, failed } = await json<{ failed: number; checks: Check[] }>(server.url, "doctor");
  expect([failed, checks.every(({ state }) => ["ok", "warn"].includes(state))]).toEqual([0, true]);
  const { code, out } = await ran("http://127.0.0.1:1", "doctor --json");
  expect([code, (JSON.parse(out) as { failed: number }).failed]).toEqual([1, 1]);
});
