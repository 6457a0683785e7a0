import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verifierKey } from "@tollhouse/ledger";
import { sha256 } from "@tollhouse/store";
import { startedWitness, type StartedWitness } from "@tollhouse/testkit";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";

// Two verifiers that share no code with the server, on what a real server exports: an auditor has that file and a public key.

const FOLDER = fileURLToPath(new URL("../../verifiers/", import.meta.url));

interface Asked {
  readonly file: string;
  readonly key: string;
  readonly pin?: string;
  readonly witness?: string;
}

interface Toolchain {
  readonly name: string;
  readonly cwd: string;
  /** Says whether it is on this machine. */
  readonly probe: readonly [string, ...string[]];
  /** Its own tests: the golden vectors. */
  readonly suite: readonly [string, ...string[]];
  verify(asked: Asked): readonly [string, ...string[]];
}

const TOOLCHAINS: readonly Toolchain[] = [
  {
    name: "Python",
    cwd: join(FOLDER, "python"),
    probe: ["python3", "--version"],
    suite: ["python3", "-B", "-m", "unittest", "-v"],
    verify: ({ file, key, pin, witness: seenBy }) => [
      "python3",
      "-B",
      "tollhouse_verify.py",
      file,
      "--key",
      key,
      ...(pin === undefined ? [] : ["--pin", pin]),
      ...(seenBy === undefined ? [] : ["--witness", seenBy]),
    ],
  },
  {
    name: "Go",
    cwd: join(FOLDER, "go"),
    probe: ["go", "version"],
    suite: ["go", "test", "./..."],
    verify: ({ file, key, pin, witness: seenBy }) => [
      "go",
      "run",
      ".",
      "-key",
      key,
      ...(pin === undefined ? [] : ["-pin", pin]),
      ...(seenBy === undefined ? [] : ["-witness", seenBy]),
      file,
    ],
  },
];

interface Ran {
  readonly passed: boolean;
  readonly output: string;
}

function run([command, ...args]: readonly [string, ...string[]], cwd: string): Promise<Ran> {
  return new Promise((resolve) =>
    execFile(command, args, { cwd }, (error, stdout, stderr) =>
      resolve({ passed: error === null, output: error === null ? stdout : stdout || stderr }),
    ),
  );
}

const isHere = ({ probe: [command, ...args] }: Toolchain): boolean => spawnSync(command, args).status === 0;
const here = TOOLCHAINS.filter(isHere);
const missing = TOOLCHAINS.filter((toolchain) => !here.includes(toolchain));

let world: StartedTollhouse;
let witness: StartedWitness;
let folder: string;
let key: string;
const files = { export: "", pin: "", receipt: "" };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tollhouse-export-"));
  witness = await startedWitness("witness.example/w1");
  world = await startedTollhouse({ env: { TOLLHOUSE_WITNESSES: witness.setting } });
  ({ key } = await world.control<{ key: string }>("GET", "/api/v1/ledger/public-key"));
  witness.knows(key);
  let decision = "";
  for (let n = 0; n < 12; n++) {
    const response = await fetch(`${world.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-session-id": `käufer-${n}` },
      body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 }),
    });
    await response.text();
    decision = response.headers.get("x-tollhouse-decision") ?? "";
    if (n === 5) await saved("early.ndjson", "/api/v1/ledger/export");
  }
  files.export = await saved("export.ndjson", "/api/v1/ledger/export");
  files.pin = await saved("pin.txt", "/api/v1/ledger/checkpoint");
  const { tlog_proof: proof } = await world.control<{ tlog_proof: string }>("GET", `/api/v1/calls/${decision}/receipt`);
  files.receipt = await written("receipt.tlog-proof", proof);
});
afterAll(async () => {
  await world.stop();
  await witness.stop();
  await rm(folder, { recursive: true });
});

async function saved(name: string, path: string): Promise<string> {
  const response = await fetch(`${world.url}${path}`, { headers: { authorization: `Bearer ${TEST_ADMIN_KEY}` } });
  expect(response.status).toBe(200);
  return written(name, await response.text());
}

async function written(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  return join(folder, name);
}

async function lines(): Promise<string[]> {
  return (await readFile(files.export, "utf8")).trimEnd().split("\n");
}

describe.each(here)("$name", (toolchain) => {
  const verify = async (asked: Partial<Asked> & { file: string }): Promise<Ran> =>
    run(toolchain.verify({ key, ...asked }), toolchain.cwd);

  test("the golden vectors are judged as recorded", async () => {
    const { passed, output } = await run(toolchain.suite, toolchain.cwd);
    expect(passed, output).toBe(true);
  });

  test("an export and a receipt of a real server pass, with a pin the tail is proven", async () => {
    const entries = (await lines()).filter((line) => line.startsWith('{"sequence"')).length;
    const whole = await verify({ file: files.export });
    expect(JSON.parse(whole.output)).toMatchObject({ result: "PASS", tail: "NOT PROVEN", entries });
    const pinned = await verify({ file: files.export, pin: files.pin });
    expect(JSON.parse(pinned.output)).toMatchObject({ result: "PASS", tail: "PROVEN", proven_to: entries });
    expect([whole.passed, pinned.passed]).toEqual([true, true]);
    expect(JSON.parse((await verify({ file: files.receipt })).output)).toMatchObject({ result: "PASS" });
  });

  test("the end of an export, and a receipt, are cosigned by the witness that the server asks, and by no other", async () => {
    for (const file of [files.export, files.receipt])
      expect(JSON.parse((await verify({ file, witness: witness.word })).output)).toMatchObject({ result: "PASS" });
    const stranger = verifierKey(sha256, { name: "witness.example/w2", algorithm: 4, publicKey: Buffer.alloc(32, 1) });
    for (const file of [files.export, files.receipt])
      expect(JSON.parse((await verify({ file, witness: stranger })).output)).toMatchObject({ result: "FAIL" });
  });

  test("a changed, a deleted entry and a cut tail fail, and their sequence is named", async () => {
    const own = await lines();
    const at = own.findIndex((line) => line.startsWith('{"sequence":5,'));
    const changed = own.with(at, (own[at] as string).replace(/"body":"(.{100})./, '"body":"$1A'));
    for (const [name, text] of [
      ["changed", changed],
      ["deleted", own.toSpliced(at, 1)],
    ] as const) {
      const { passed, output } = await verify({ file: await written(`${name}.ndjson`, `${text.join("\n")}\n`) });
      expect(JSON.parse(output), name).toMatchObject({ result: "FAIL", first_bad_sequence: 5 });
      expect(passed).toBe(false);
    }
    const cut = await verify({ file: join(folder, "early.ndjson"), pin: files.pin });
    expect(JSON.parse(cut.output)).toMatchObject({ result: "FAIL", tail: "NOT PROVEN" });
    expect(JSON.parse((await verify({ file: join(folder, "early.ndjson") })).output)).toMatchObject({ result: "PASS" });
  });
});

test.each(missing)("$name: NOT RUN, it is not on this machine; in CI that is a failure", () => {
  expect(process.env["CI"]).not.toBe("true");
});
