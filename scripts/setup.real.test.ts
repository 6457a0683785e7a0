import { spawn } from "node:child_process";
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ROOT } from "./source-files.ts";

/** Puts the packages of this repository in place of a download. */
const NPM = `
  const fs = require("node:fs");
  const from = ${JSON.stringify(join(ROOT, "node_modules"))};
  fs.appendFileSync("npm.log", process.argv.slice(2).join(" ") + "\\n");
  fs.rmSync("node_modules", { recursive: true, force: true });
  fs.mkdirSync("node_modules");
  for (const name of fs.readdirSync(from))
    if (name !== ".tollhouse-install" && name !== ".package-lock.json") fs.symlinkSync(from + "/" + name, "node_modules/" + name);
`;

/** Tells how it was started; with WAIT it stays until SIGTERM, and then ends with 7. */
const MAIN = `
  if (process.env["WAIT"] === "yes") {
    const stay = setInterval(() => {}, 1_000);
    process.on("SIGTERM", () => {
      console.log("asked to end");
      clearInterval(stay);
      process.exitCode = 7;
    });
  }
  console.log(JSON.stringify({ args: process.argv.slice(2), flags: process.execArgv, node: process.version }));
`;

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tollhouse-setup-"));
  mkdirSync(join(folder, "packages"));
  mkdirSync(join(folder, "apps/server/src"), { recursive: true });
  cpSync(join(ROOT, "scripts/setup.mjs"), join(folder, "scripts/setup.mjs"));
  cpSync(join(ROOT, "tsconfig.base.json"), join(folder, "tsconfig.base.json"));
  write("package-lock.json", "{}");
  write("npm.cjs", NPM);
  write("package.json", '{"type": "module"}');
  write("tsconfig.json", '{"files": [], "references": [{"path": "apps/server"}]}');
  write("apps/server/package.json", '{"type": "module"}');
  write(
    "apps/server/tsconfig.json",
    '{"extends": "../../tsconfig.base.json", "compilerOptions": {"rootDir": "src", "outDir": "dist"}, "include": ["src"]}',
  );
  write("apps/server/src/main.ts", MAIN);
  mkdirSync(join(folder, "apps/dashboard"));
  write("apps/dashboard/index.html", "<!doctype html><title>A page</title>");
});
const groups: number[] = [];
afterEach(() => {
  // Whatever still runs, a grandchild that a signal did not reach included.
  for (const group of groups.splice(0)) {
    try {
      process.kill(-group, "SIGKILL");
    } catch {
      // Ended by itself, as it should.
    }
  }
  rmSync(folder, { recursive: true, force: true });
});

function write(path: string, text: string): void {
  writeFileSync(join(folder, path), text);
}

interface Ended {
  readonly out: string;
  readonly said: string;
  readonly code: number | null;
}

interface Running {
  readonly ended: Promise<Ended>;
  readonly firstLine: Promise<void>;
  readonly pid: number;
}

function begin(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): Running {
  const child = spawn(process.execPath, [...flags, join(folder, "scripts/setup.mjs"), ...args], {
    env: { ...process.env, npm_execpath: join(folder, "npm.cjs"), ...env },
    stdio: ["ignore", "pipe", "pipe"],
    // Its own process group.
    detached: true,
  });
  if (child.pid !== undefined) groups.push(child.pid);
  let out = "";
  let said = "";
  const firstLine = Promise.withResolvers<void>();
  child.stdout.on("data", (text: Buffer) => {
    out += text.toString();
    firstLine.resolve();
  });
  child.stderr.on("data", (text: Buffer) => {
    said += text.toString();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code) => resolve({ out, said, code }));
  });
  return { ended, firstLine: firstLine.promise, pid: child.pid ?? 0 };
}

const start = (...args: string[]): Promise<Ended> => begin(["start", ...args]).ended;
const steps = (ended: Ended): string[] =>
  [...ended.said.matchAll(/^tollhouse: (installed|built) /gm)].map((m) => m[1] ?? "");

test("a fresh clone is installed and built once, then started with its arguments on the pinned runtime", async () => {
  const first = await start("--host=127.0.0.1", "--port=0");
  expect(steps(first)).toEqual(["installed", "built"]);
  expect(JSON.parse(first.out)).toEqual({
    args: ["--host=127.0.0.1", "--port=0"],
    flags: ["--max-semi-space-size=64"],
    node: process.version,
  });
  expect(await start()).toMatchObject({ said: "", code: 0 });
});

test("only what changed is done again: lockfile, source, deleted output", async () => {
  await start();
  appendFileSync(join(folder, "apps/server/src/main.ts"), "\n// changed");
  expect(steps(await start())).toEqual(["built"]);
  write("apps/server/src/main.test.ts", "");
  expect(steps(await start())).toEqual([]);
  rmSync(join(folder, "apps/server/dist"), { recursive: true });
  const rebuilt = await start();
  expect([steps(rebuilt), rebuilt.code]).toEqual([["built"], 0]);
  write("package-lock.json", "{ }");
  expect(steps(await start())).toEqual(["installed", "built"]);
});

test("several at once on a fresh clone install and build once, and all start", async () => {
  const all = await Promise.all([start(), start(), start()]);
  expect(all.map((ended) => ended.code)).toEqual([0, 0, 0]);
  expect(all.flatMap(steps).toSorted()).toEqual(["built", "installed"]);
});

test("the lock of a process that died holds nobody up", async () => {
  mkdirSync(join(folder, ".tollhouse"));
  write(".tollhouse/setup.lock", "4194304999");
  expect((await start()).code).toBe(0);
  expect(existsSync(join(folder, ".tollhouse/setup.lock"))).toBe(false);
});

test.each([
  ["taking its place", []],
  ["as its parent", ["--import", "data:text/javascript,process.execve = undefined"]],
])("a signal reaches what was started, and its exit code comes back: %s", async (_, flags) => {
  await start();
  const running = begin(["start"], { WAIT: "yes" }, flags);
  await running.firstLine;
  process.kill(running.pid, "SIGTERM");
  const ended = await running.ended;
  expect(ended.out).toContain("asked to end");
  expect(ended.code).toBe(7);
});

test("a failed build or install starts nothing, says why, and is tried again", async () => {
  write("apps/server/src/main.ts", 'export const port: number = "8787";');
  for (const attempt of [1, 2]) {
    const ended = await start();
    expect([attempt, ended.code, ended.out]).toEqual([attempt, 1, ""]);
    expect(ended.said).toContain("TS2322");
  }
  write("npm.cjs", "process.exit(1)");
  write("package-lock.json", "{ }");
  expect((await start()).said).toContain("`npm ci` failed");
});

test("an unknown command is refused by name", async () => {
  const ended = await begin(["strat"]).ended;
  expect(ended).toMatchObject({ code: 2, out: "" });
  expect(ended.said).toContain('unknown command "strat"; expected one of start, test');
});
