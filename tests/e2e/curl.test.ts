import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";

// Every command of docs/api.md, run by a shell as it stands there, with real curl.

interface Command {
  readonly name: string;
  readonly text: string;
  /** null: it says no more than that it is answered. */
  readonly status: number | null;
  readonly answer: unknown;
}

const run = promisify(execFile);
const page = await readFile(new URL("../../docs/api.md", import.meta.url), "utf8");
const commands: readonly Command[] = page
  .split(/^### /m)
  .slice(1)
  .map((section) => {
    const answer = /^Answers \d+:\n\n```json\n([^]*?)\n```/m.exec(section)?.[1];
    return {
      name: section.slice(0, section.indexOf("\n")),
      text: /^```sh\n([^]*?)\n```/m.exec(section)?.[1] ?? "",
      status: Number(/^Answers (\d+)/m.exec(section)?.[1] ?? 200),
      answer: answer === undefined ? null : (JSON.parse(answer) as unknown),
    };
  });

let world: StartedTollhouse;
let home = "";
/** Ids of the page, and those that this installation has instead. */
const ids = new Map<string, string>();
beforeAll(async () => {
  world = await startedTollhouse({ env: { TOLLHOUSE_AUTH: "required" } });
  home = await mkdtemp(join(tmpdir(), "tollhouse-curl-"));
  await prepare();
  // The status, after whatever the command itself shows.
  await writeFile(join(home, ".curlrc"), 'write-out = "\\n%{http_code}"\n');
});
afterAll(async () => {
  await world.stop();
  await rm(home, { recursive: true, force: true });
});

/** A call whose texts are kept stands for every decision that the page shows. */
async function prepare(): Promise<void> {
  await world.control("PUT", "/api/v1/payload-logging", { enabled: true });
  const logged = await fetch(`${world.url}/sdk/log`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${TEST_ADMIN_KEY}`,
      "content-type": "application/json",
      "x-tollhouse-user": "user-42",
    },
    body: JSON.stringify({
      provider: "openai",
      model: "gpt-4o-mini",
      request: "Hi",
      response: "Hello",
      usage: { prompt_tokens: 10, completion_tokens: 5 },
    }),
  });
  const { decision_id } = (await logged.json()) as { decision_id: string };
  for (const [shown] of page.matchAll(/dec_[0-9a-f]{32}/g)) ids.set(shown, decision_id);
  await world.recorded();
}

async function shell(text: string): Promise<{ status: number; body: string }> {
  const real = [...ids].reduce((command, [shown, own]) => command.replaceAll(shown, own), text);
  const env = {
    PATH: process.env["PATH"],
    CURL_HOME: home,
    HOME: home,
    TOLLHOUSE_URL: world.url,
    TOLLHOUSE_KEY: TEST_ADMIN_KEY,
  };
  const { stdout } = await run("sh", ["-c", real], { env, maxBuffer: 64 * 1024 * 1024 });
  const end = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(end + 1)), body: stdout.slice(0, end) };
}

/** What a command shows and this installation calls otherwise, by the place in which both have it. */
function learn(shown: unknown, got: unknown): void {
  if (typeof shown !== "object" || shown === null || typeof got !== "object" || got === null) return;
  for (const [name, value] of Object.entries(shown)) {
    const own = (got as Record<string, unknown>)[name];
    const isId = typeof value === "string" && typeof own === "string" && /^[a-z]+_[0-9A-Za-z]{12,}$/.test(value);
    if (isId && value !== own) ids.set(value, own);
  }
}

test("there is a command for every endpoint, each under its own name", () => {
  expect(new Set(commands.map(({ name }) => name)).size).toBe(commands.length);
  expect(commands.filter(({ text }) => !text.startsWith("curl "))).toEqual([]);
  expect(commands.length).toBeGreaterThan(world.tollhouse.controlRoutes.length);
});

// A thing is made before it is read, and removed when all else was asked.
const removes = ({ text }: Command): number => Number(text.includes("-X DELETE"));

/** What people's browsers ask: it takes a password, an answer of an identity provider, or a session, and a key has none of them. */
const OF_BROWSERS =
  /^(signIn(Owner|Password|Invitation)|(begin|complete)(Oidc|Saml)|getSamlMetadata|endSession|changePassword)$/;

test.each(commands.toSorted((a, b) => removes(a) - removes(b)))("$name", async ({ name, text, status, answer }) => {
  const got = await shell(text);
  if (OF_BROWSERS.test(name)) return expect([302, 400, 401, 404]).toContain(got.status);
  expect([got.status, got.status < 400 || got.body]).toEqual([status, true]);
  if (answer === null) return;
  const body = JSON.parse(got.body) as object | null;
  // What is not there yet: its schema says so.
  if (body === null) return;
  learn(answer, body);
  // What is shown is what comes: the schemas themselves are held against the answers by openapi.test.ts.
  expect(Object.keys(body)).toEqual(expect.arrayContaining(Object.keys(answer as object)));
});
