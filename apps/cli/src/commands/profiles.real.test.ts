import { createServer } from "node:http";
import { chmod, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startedTollhouse, TEST_ADMIN_KEY, type StartedTollhouse } from "@tollhouse/testkit/started-tollhouse";
import type { KeyMade } from "@tollhouse/contract/control-client";
import { json, ran, type RanOptions } from "../cli-fixture.ts";

let server: StartedTollhouse;
let folder: string;
let env: Record<string, string>;

beforeAll(async () => {
  server = await startedTollhouse();
});
afterAll(() => server.stop());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tollhouse-cli-"));
  env = { TOLLHOUSE_PROFILES: join(folder, "deep", "profiles.json"), TOLLHOUSE_URL: "", TOLLHOUSE_KEY: "" };
  return () => rm(folder, { recursive: true });
});

const cli = (args: string, options: RanOptions = {}) => ran("", args, { ...options, env: { ...env, ...options.env } });
const login = (args: string, key = TEST_ADMIN_KEY) =>
  cli(`login --url ${server.url} ${args}`.trim(), { stdin: `${key}\n` });

test("a key comes on standard input, is kept for its owner alone, and is shown by no command", async () => {
  const done = await login("--environment dev");
  expect(done).toMatchObject({ code: 0, out: `Logged in to ${server.url} with the admin key, as profile default.\n` });
  expect((await stat(env["TOLLHOUSE_PROFILES"] ?? "")).mode & 0o777).toBe(0o600);
  expect((await cli("limits list")).code).toBe(0);
  expect(await json<{ environment: string }>("", "keys create x", { env }).then((key) => key.environment)).toBe("dev");
  for (const args of ["config list", "config list --json", "config path"])
    expect((await cli(args)).out).not.toContain(TEST_ADMIN_KEY);
});

test("a wrong key is kept nowhere, one that may only call is", async () => {
  expect(await login("", "th_admin_wrong")).toMatchObject({ code: 3 });
  await expect(stat(env["TOLLHOUSE_PROFILES"] ?? "")).rejects.toThrow("ENOENT");
  const { key } = await json<KeyMade>(server.url, "keys create caller --permissions call");
  expect((await login("", key)).out).toContain("with a key,");
});

test("a file of profiles that others can read is refused, and says how to mend it", async () => {
  await login("");
  await chmod(env["TOLLHOUSE_PROFILES"] ?? "", 0o644);
  const refused = await cli("limits list");
  expect(refused.code).toBe(3);
  expect(refused.err).toContain("chmod 600");
});

test("the key of a profile goes to no other address, and follows no redirect", async () => {
  const seen: (string | undefined)[] = [];
  const other = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(302, { location: `${server.url}/api/v1/limits` }).end();
  });
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  try {
    await login("");
    expect((await cli(`limits list --url ${url}`)).code).toBe(7);
    expect(seen).toEqual([undefined]);
    await cli(`config set url ${url}`);
    expect(await readFile(env["TOLLHOUSE_PROFILES"] ?? "", "utf8")).not.toContain(TEST_ADMIN_KEY);
  } finally {
    other.close();
  }
});

test("profiles: several installations and environments, one of them current", async () => {
  await login("--profile one");
  await login("--profile two --environment staging");
  expect((await cli("config list")).out).toMatch(/^\* two .* staging /m);
  await cli("config use one");
  expect((await json<{ environment: string }>("", "keys create a", { env })).environment).toBe("prod");
  expect((await json<{ environment: string }>("", "keys create b -p two", { env })).environment).toBe("staging");
  expect((await json<{ environment: string }>("", "keys create c -p two -e dev", { env })).environment).toBe("dev");
  expect((await cli("limits list --profile three")).err).toContain("there is no profile three (one, two)");
  await cli("logout -p two");
  expect((await cli("limits list -p two")).code).toBe(3);
  await cli("config remove two");
  expect((await cli("config list")).out).not.toContain("two");
});
