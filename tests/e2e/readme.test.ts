import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";
import { ran } from "../../apps/cli/src/cli-fixture.ts";
import { recordedCalls } from "./side-by-side.ts";

// What README.md shows, run as it stands there.

const run = promisify(execFile);
/** Tells the status after whatever it shows. */
const CURL = 'curl -sS -w "\\n%{http_code}"';
const page = await readFile(new URL("../../README.md", import.meta.url), "utf8");
const blocks = [...page.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(([, language, text]) => ({ language, text }));
const commands = blocks
  .filter(({ text }) => text?.startsWith("curl ") === true)
  .flatMap(({ text }) => (text as string).split(/^(?=curl )/m).map((command) => command.trim()));

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse();
  await call("run-1");
});
afterAll(() => world.stop());

async function call(session: string): Promise<void> {
  const answer = await fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tollhouse-session": session },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 }),
  });
  await answer.arrayBuffer();
  await world.recorded();
}

const typed = blocks
  .filter(({ text }) => text?.startsWith("$ tollhouse ") === true && !text.startsWith("$ tollhouse ledger"))
  .flatMap(({ text }) => (text as string).split(/^(?=\$ )/m))
  .map((each) => {
    const [command = "", ...lines] = each.trimEnd().split("\n");
    return { args: command.replace("$ tollhouse ", "").split(" "), prints: lines.join("\n") };
  });

/** Ids and times are others each time, and as long as those that stand there. */
function masked(text: string): string {
  return text
    .trimEnd()
    .replaceAll(/_[0-9a-f]{32}/g, `_${"0".repeat(32)}`)
    .replaceAll(/\d\d:\d\d:\d\d/g, "00:00:00");
}

test("a session in a terminal of 80 columns prints what stands there", async () => {
  expect(typed.length).toBeGreaterThan(4);
  for (const [at, { args, prints }] of typed.entries()) {
    const { out, err } = await ran(world.url, args, { columns: 80 });
    expect([masked(out), err], args.join(" ")).toEqual([masked(prints), ""]);
    // With a budget that fits one of them.
    if (at === 0) for (let calls = 0; calls < 2; calls++) await call("run-7");
  }
});

test("there is a command for limits, reports, keys, kill switches, policies and the ledger", () => {
  for (const path of [
    "limits",
    "usage",
    "calls",
    "ledger/verify",
    "keys",
    "kill-switches",
    "policies",
    "ledger/export",
  ])
    expect(commands.some((command) => command.includes(`/api/v1/${path}`))).toBe(true);
});

test.each(commands)("%s", async (command) => {
  const { stdout } = await run(
    "sh",
    ["-c", command.replaceAll("http://127.0.0.1:8787", world.url).replace("curl", CURL)],
    {
      env: { PATH: process.env["PATH"], ADMIN_KEY: TEST_ADMIN_KEY },
    },
  );
  const end = stdout.lastIndexOf("\n");
  expect(Number(stdout.slice(end + 1)), stdout).toBeGreaterThanOrEqual(200);
  expect(Number(stdout.slice(end + 1)), stdout).toBeLessThan(300);
});

test("check, call, record: the lines shown make one settled call at the provider's price", async () => {
  const shown = blocks.find(({ text }) => text?.includes("/sdk/check") === true)?.text as string;
  const given = {
    tollhouse: world.url,
    provider: world.simulator.url,
    key: { authorization: "Bearer sk-simulated-openai" },
  };
  const values = Object.entries(given).map(([name, value]) => `const ${name} = ${JSON.stringify(value)};`);
  await run(process.execPath, ["--input-type=module", "-e", [...values, shown].join("\n")]);
  await world.recorded();
  const calls = (await recordedCalls(world, "session=run-42")).filter(({ outcome }) => outcome === "settled");
  expect(calls).toHaveLength(1);
  expect(calls[0]).toMatchObject({ model: "gpt-4o-mini", usage_source: "reported" });
  expect(Number(calls[0]?.cost)).toBeGreaterThan(0);
});
