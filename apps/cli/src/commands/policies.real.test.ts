import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startedTollhouse, type StartedTollhouse } from "@tollhouse/testkit/started-tollhouse";
import type { Policy } from "@tollhouse/contract/control-client";
import { json, ran, terminalFor, until } from "../cli-fixture.ts";
import { runCommandLine } from "../command-line.ts";

let server: StartedTollhouse;
let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tollhouse-cli-"));
  file = join(folder, "policies.yaml");
  server = await startedTollhouse();
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const cli = (args: string) => ran(server.url, args);
const policies = async () => (await json<{ policies: Policy[] }>(server.url, "policies list")).policies;

const FILE = `
policies:
  - name: everybody
    attach: default
    priority: 0
    mode: enforce
    models: { deny: [gpt-4o] }
    limits:
      - { measure: usd, amount: "5.0", window: day, mode: hard, scope: user }
  - name: search
    attach: { feature: search }
    priority: 1
    mode: observe
    caps: { cost: "0.10" }
`;

test("apply makes the environment what the file says, and then there is nothing to do", async () => {
  await writeFile(file, FILE);
  expect((await cli(`policies diff -f ${file}`)).code).toBe(1);
  expect(await cli(`policies apply -f ${file}`)).toMatchObject({ code: 2, out: "" });
  expect(await policies()).toEqual([]);
  const applied = await cli(`policies apply -f ${file} --yes`);
  expect(applied.err).toMatch(/^\+ everybody \(default\)\n\+ search \(feature:search\)\n2 to make, 0 to change/);
  expect(applied.out).toMatch(/^Applied everybody: pol_\S+ version 1\n/);
  expect(await cli(`policies diff -f ${file}`)).toMatchObject({ code: 0 });
  expect((await cli(`policies apply -f ${file} --yes`)).out).toBe("Nothing to do.\n");
});

test("what differs is shown setting by setting, and only that is changed", async () => {
  await writeFile(file, FILE.replace('"5.0"', '"7.5"').replace("[gpt-4o]", "[gpt-4o, o3]"));
  const differing = await cli(`policies diff -f ${file}`);
  expect(differing.code).toBe(1);
  expect(differing.out).toContain(
    '~ everybody (version 1)\n    - limits.0.amount: "5"\n    + limits.0.amount: "7.5"\n    + models.deny.1: "o3"\n0 to make, 1 to change',
  );
  expect((await cli(`policies apply -f ${file} --yes`)).code).toBe(0);
  expect((await policies()).map(({ name, version }) => `${name} ${version}`).toSorted()).toEqual([
    "everybody 2",
    "search 1",
  ]);
  expect((await cli("policies versions everybody")).out).toMatch(/^version 2 [^]* \+ models.deny.1: "o3"\n/);
});

test("drift: what is not in the file is named, and goes with --prune alone", async () => {
  await writeFile(
    file,
    FILE.slice(0, FILE.indexOf("  - name: search")).replace('"5.0"', '"7.5"').replace("[gpt-4o]", "[gpt-4o, o3]"),
  );
  const drift = await cli(`policies diff -f ${file}`);
  expect([drift.code, drift.out]).toEqual([1, expect.stringMatching(/^ {2}search \(pol_\S+\) is not in the file\n/)]);
  expect((await cli(`policies apply -f ${file} --yes`)).out).toBe("Nothing to do.\n");
  expect((await cli(`policies apply -f ${file} --prune --yes`)).out).toMatch(/^Deleted search: pol_/);
  expect((await policies()).map(({ name }) => name)).toEqual(["everybody"]);
});

test("`get` is a file that `apply` takes again", async () => {
  const { out } = await cli("policies get everybody");
  await writeFile(join(folder, "again.yaml"), out);
  expect(await cli(`policies diff -f ${join(folder, "again.yaml")}`)).toMatchObject({ code: 0 });
});

test("a rehearsal says what the file would have done to calls that were made", async () => {
  const body = JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 });
  const headers = { "content-type": "application/json", "x-tollhouse-session": "s", "x-tollhouse-user": "ada" };
  for (let calls = 0; calls < 3; calls += 1)
    await (await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers, body })).arrayBuffer();
  await server.recorded();
  await writeFile(file, FILE.slice(0, FILE.indexOf("  - name: search")).replace("[gpt-4o]", "[gpt-4o*]"));
  const { out } = await cli(`policies rehearse -f ${file} --limit 2`);
  expect(out).toMatch(/newly blocked +3 {2}MODEL_NOT_ALLOWED 3\n/);
  expect(out).toContain("… and 1 more (--limit)");
  expect(
    (await json<{ newly_blocked: { calls: number } }>(server.url, "policies rehearse --without everybody"))
      .newly_blocked.calls,
  ).toBe(0);
  expect((await policies())[0]?.version).toBe(2);
});

test.each([
  ["name: x\n  bad: [", /no\.yaml: /],
  ["policies: {}", /policies: expected a list/],
  ["- 1\n- 2", /policy 1: expected a policy with a name/],
  ["name: a\n---\nname: a\n", /there are two policies named a/],
  ["", /expected at least one policy/],
])("a file that is none is refused before anything is sent: %j", async (text, why) => {
  await writeFile(join(folder, "no.yaml"), text);
  const { code, err } = await cli(`policies apply --yes -f ${join(folder, "no.yaml")}`);
  expect([code, err]).toEqual([2, expect.stringMatching(why)]);
});

test("a wrong setting is refused by its name, and a policy is deleted by its own", async () => {
  await writeFile(file, "name: wrong\nattach: default\npriority: 0\nmode: enforce\nmodles: {}\n");
  const refused = await cli(`policies apply --yes -f ${file}`);
  expect([refused.code, refused.err]).toEqual([6, expect.stringContaining("modles")]);
  expect((await cli("policies delete everybody --yes")).code).toBe(0);
  expect((await cli("policies get everybody")).code).toBe(4);
});

test("what somebody else changes while the plan is looked at is not overwritten", async () => {
  const document = { name: "contended", attach: "default", priority: 0, mode: "observe" };
  await writeFile(file, JSON.stringify(document));
  expect((await cli(`policies apply -f ${file} --yes`)).code).toBe(0);
  const [{ id } = { id: "" }] = await policies();
  await writeFile(file, JSON.stringify({ ...document, mode: "enforce" }));
  const { terminal, err } = terminalFor(server.url);
  const answers = Object.assign(new PassThrough(), { isTTY: true });
  const asked = { ...terminal, stdin: answers, stderr: Object.assign(terminal.stderr, { isTTY: true }) };
  const applying = runCommandLine(["policies", "apply", "-f", file], asked);
  await until(() => err().includes("Apply this?"));
  await server.control("PUT", `/api/v1/policies/${id}`, { ...document, priority: 4 });
  answers.end("y\n");
  expect(await applying).toBe(5);
  expect(await policies()).toMatchObject([{ priority: 4, mode: "observe", version: 2 }]);
});

test("where applying breaks off, what was applied before is said", async () => {
  const wrong = "{ name: b, attach: default, priority: 0, mode: enforce, modles: {} }";
  await writeFile(file, `policies: [{ name: a, attach: default, priority: 0, mode: observe }, ${wrong}]`);
  const { code, out, err } = await cli(`policies apply -f ${file} --yes`);
  expect([code, out]).toEqual([6, ""]);
  expect(err).toMatch(/\nBroke off; applied before: a\ntollhouse: REQUEST_INVALID: modles: /);
});
