import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify, stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startedTollhouse, TEST_ADMIN_KEY, type StartedTollhouse } from "@tollhouse/testkit/started-tollhouse";
import { json } from "../cli-fixture.ts";
import { widthOf } from "./table.ts";

interface Shown {
  readonly shown: string;
  readonly code: number;
  /** What was waited for, and never came. */
  readonly left: readonly string[];
}

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const MAIN = file("../main.ts");
let server: StartedTollhouse;
let folder: string;
let env: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tollhouse-pty-"));
  server = await startedTollhouse();
  env = {
    TOLLHOUSE_URL: server.url,
    TOLLHOUSE_KEY: TEST_ADMIN_KEY,
    TOLLHOUSE_PROFILES: join(folder, "profiles.json"),
    TERM: "xterm-256color",
    NO_COLOR: "",
  };
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

type Steps = readonly (readonly [expected: string, typed: string])[];

async function typed(args: readonly string[], steps: Steps = [], over: Record<string, string> = {}): Promise<Shown> {
  const argv = [process.execPath, "--conditions=@tollhouse/source", ...args];
  const asked = JSON.stringify({ argv, columns: 80, steps, env: { ...env, ...over } });
  const { stdout } = await promisify(execFile)("python3", [file("pty-fixture.py"), asked], { maxBuffer: 1 << 24 });
  return JSON.parse(stdout) as Shown;
}

async function filled(): Promise<void> {
  await json(server.url, "budgets set session:a-session-with-quite-a-long-name-2026-11-21 1234.567891234");
  await json(server.url, "limits set agent:researcher tokens 1000000000 --window rolling_24h");
  await json(server.url, [
    "kill",
    "agent",
    "rogue",
    "--reason",
    "spends at night, and nobody knows why it does",
    "--yes",
  ]);
  await json(server.url, ["block", "user", "ada", "--reason", "left"]);
  await json(
    server.url,
    "keys create a-key-with-quite-a-long-name-for-the-search-service --permissions call record read manage",
  );
  await json(server.url, "plans set free --description a-plan-for-those-who-have-not-paid-yet-and-may-never-do-so");
  await json(server.url, "anomaly-rules create velocity 12.5 --window 1h --action freeze --freeze-for 10m");
  await writeFile(
    join(folder, "policy.yaml"),
    "name: a policy with a name that goes on and on\nattach: {plan: free}\npriority: 3\nmode: enforce\nmodels: {deny: [gpt-4o]}\n",
  );
  await json(server.url, `policies apply -f ${join(folder, "policy.yaml")} --yes`);
  const body = JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 });
  for (const session of ["a-session-with-quite-a-long-name-2026-11-21", "日本語のセッション"]) {
    const headers = {
      "content-type": "application/json",
      "x-tollhouse-session": encodeURIComponent(session).slice(0, 60),
    };
    await (await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers, body })).arrayBuffer();
  }
  await server.recorded();
}

const TABLES = [
  "budgets list",
  "limits list",
  "sessions list",
  "sessions show a-session-with-quite-a-long-name-2026-11-21",
  "kill-switches list",
  "blocks list",
  "keys list",
  "plans list",
  "anomaly-rules list",
  "policies list",
  "prices list --provider openai",
  "usage --group-by session,model,provider",
  "summary",
  "calls list",
  "checks",
  "audit",
  "tenants list",
  "environments list",
  "provider-keys list",
  "ledger checkpoints",
  "system",
  "config list",
  "--help",
  "usage --help",
];

// Where python3 is: it has the pseudo-terminals that Node has not.
const hasPython = (() => {
  try {
    execFileSync("python3", ["--version"]);
    return true;
  } catch {
    return false;
  }
})();

describe.runIf(hasPython)("in a real terminal of 80 columns", () => {
  test("no line of any table is wider, and none breaks off an id", async () => {
    await filled();
    await writeFile(join(folder, "lines.json"), JSON.stringify(TABLES));
    const { shown } = await typed([file("pty-child.ts"), join(folder, "lines.json")]);
    const text = stripVTControlCharacters(shown).replaceAll("\r\n", "\n");
    expect([...text.matchAll(/§§(\d+) (.*)\n/g)].map(([, code, line]) => `${code} ${line}`)).toEqual(
      TABLES.map((line) => `0 ${line}`),
    );
    const lines = text.split("\n").filter((line) => !line.includes("§§"));
    expect(lines.filter((line) => widthOf(line) > 80 && !/^(ok|warn|FAIL| {6})/.test(line))).toEqual([]);
    for (const [id] of text.matchAll(/\b(?:lim|dec|key|pol|anr)_[0-9a-zA-Z…]*/g)) expect(id).not.toContain("…");
  });

  test("a key that is typed is not shown, and works afterwards", async () => {
    const steps: Steps = [
      ["Address [http://127.0.0.1:8787]: ", `${server.url}\n`],
      ["Key: ", `${TEST_ADMIN_KEY}x\u007f\n`],
    ];
    const { shown, code, left } = await typed([MAIN, "login"], steps, { TOLLHOUSE_URL: "", TOLLHOUSE_KEY: "" });
    expect([code, left]).toEqual([0, []]);
    expect(shown).toContain("with the admin key");
    expect(shown).not.toContain(TEST_ADMIN_KEY);
    expect(await readFile(join(folder, "profiles.json"), "utf8")).toContain(TEST_ADMIN_KEY);
    expect((await typed([MAIN, "limits", "list"], [], { TOLLHOUSE_URL: "", TOLLHOUSE_KEY: "" })).code).toBe(0);
  });

  test("what cannot be taken back asks, and no is no", async () => {
    await json(server.url, "budgets set session:asked 1");
    const no = await typed([MAIN, "budgets", "delete", "session:asked"], [["[y/N] ", "n\n"]]);
    expect([no.code, no.shown]).toEqual([1, expect.stringContaining("nothing was changed")]);
    const yes = await typed([MAIN, "budgets", "delete", "session:asked"], [["[y/N] ", "y\n"]]);
    expect([yes.code, yes.shown]).toEqual([0, expect.stringContaining("Deleted lim_")]);
  });

  test("Ctrl-C ends a watch as it is meant to be ended, and a question as what was interrupted", async () => {
    const watch = await typed(
      [MAIN, "limits", "list", "--watch", "1"],
      [
        ["Ctrl-C ends it", ""],
        ["Ctrl-C ends it", "\u0003"],
      ],
    );
    expect([watch.code, watch.left]).toEqual([0, []]);
    expect(watch.shown).toContain("\u001b[H\u001b[J");
    const asked = await typed([MAIN, "kill", "org", "--reason", "x"], [["[y/N] ", "\u0003"]]);
    expect([asked.code, asked.left]).toEqual([130, []]);
    const closed = await typed([MAIN, "kill", "org", "--reason", "x"], [["[y/N] ", "\u0004"]]);
    expect([closed.code, closed.shown]).toEqual([130, expect.not.stringContaining("Warning")]);
  });

  test("long work shows how far it has come, and leaves nothing of it behind", async () => {
    const { shown, code } = await typed([MAIN, "ledger", "verify"]);
    expect([code, shown]).toEqual([0, expect.stringMatching(/\r\[#+\] 100% \d+\/\d+ entries/)]);
    expect(stripVTControlCharacters(shown.split("\r\u001b[K").at(-1) ?? "")).toMatch(/^checked [^]*PASS\r\n$/);
  });
});
