import { execFile, spawn } from "node:child_process";
import { chmod, chown, cp, mkdir, mkdtemp, readFile, readdir, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openDatabase } from "../database/database.ts";
import { packagedBinaries } from "./binaries.ts";
import { startEmbedded, type EmbeddedOptions, type EmbeddedPostgres } from "./embedded-postgres.ts";

const asRoot = process.getuid?.() === 0;
const onLinux = process.platform === "linux";
const NOBODY = 65534;

/** A data dir whose database was made and stopped: most tests start from a copy, since making one takes a second of CPU. */
let model: string;
let folder: string;
let running: EmbeddedPostgres[];

beforeAll(async () => {
  model = await mkdtemp(join(tmpdir(), "th-model-"));
  await chmod(model, 0o711);
  await (await startEmbedded({ dataDir: model, log: () => undefined })).stop();
});
afterAll(() => rm(model, { recursive: true, force: true }));

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "th-")));
  await chmod(folder, 0o711);
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((server) => server.stop()));
  await rm(folder, { recursive: true, force: true });
});

async function start(options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedPostgres> {
  const systemFolder = join(folder, "system");
  const dataDir = join(folder, "data");
  if (options.dataDir === undefined && !(await isThere(dataDir))) {
    await promisify(execFile)("cp", ["-a", model, dataDir]);
  }
  const server = await startEmbedded({ dataDir, systemFolder, log: () => undefined, ...options });
  running.push(server);
  return server;
}

/** One value, over a connection of its own. */
async function ask(server: EmbeddedPostgres, statement: string): Promise<unknown> {
  const database = await openDatabase({ embedded: server }, { connectionsMax: 1 });
  try {
    const { rows } = await database.query<Record<string, unknown>>(statement);
    return Object.values(rows[0] ?? {})[0];
  } finally {
    await database.close();
  }
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Runs the launcher in a process of its own; resolves with the line it prints. */
function startElsewhere(dataDir: string, identity: { uid?: number; gid?: number } = {}): Promise<string> {
  return runElsewhere(
    `
    import { startEmbedded } from ${JSON.stringify(new URL("./embedded-postgres.ts", import.meta.url).href)};
    try {
      const server = await startEmbedded({ dataDir: ${JSON.stringify(dataDir)}, log: () => undefined });
      await server.stop();
      console.log("started in " + server.home);
    } catch (error) {
      console.log(error.code + ": " + error.message);
    }`,
    identity,
  );
}

function runElsewhere(program: string, identity: { uid?: number; gid?: number } = {}): Promise<string> {
  const args = ["--conditions=@tollhouse/source", "--input-type=module-typescript", "-e", program];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      ...identity,
      cwd: "/",
      stdio: ["ignore", "pipe", "inherit"],
      env: {},
    });
    let out = "";
    child.stdout.on("data", (data: Buffer) => (out += data.toString()));
    child.once("error", reject);
    child.once("close", () => resolve(out.trim()));
  });
}

describe("a running server", () => {
  test("is durable, checks its pages, has no network door, and shows its socket to its user only", async () => {
    const server = await start();
    const settings = `SELECT array_agg(name || '=' || setting ORDER BY name) FROM pg_settings WHERE name IN
      ('fsync', 'full_page_writes', 'synchronous_commit', 'data_checksums', 'listen_addresses', 'autovacuum', 'server_encoding')`;
    expect(await ask(server, settings)).toEqual([
      "autovacuum=on",
      "data_checksums=on",
      "fsync=on",
      "full_page_writes=on",
      "listen_addresses=",
      "server_encoding=UTF8",
      "synchronous_commit=on",
    ]);
    expect((await stat(server.connection.host)).mode & 0o777).toBe(0o700);
  });

  test("cannot be made less durable by ALTER SYSTEM", async () => {
    const first = await start();
    await ask(first, "ALTER SYSTEM SET fsync = off");
    await first.stop();
    expect(await ask(await start(), "SHOW fsync")).toBe("on");
  });

  test.runIf(onLinux)("does not get the terminal's Ctrl-C nor our secrets", async () => {
    process.env["OPENAI_API_KEY"] = "sk-canary";
    const server = await start();
    const [, , group] = (await readFile(`/proc/${server.pid}/stat`, "utf8")).replace(/^.*\) /, "").split(" ");
    expect(Number(group)).toBe(server.pid);
    expect(await readFile(`/proc/${server.pid}/environ`, "utf8")).not.toContain("sk-canary");
    delete process.env["OPENAI_API_KEY"];
  });

  test("keeps its rows over a stop, which leaves no process, no socket and no lock", async () => {
    const first = await start();
    await ask(first, "CREATE TABLE kept AS SELECT 42 AS answer");
    await first.stop();
    await first.stop();
    expect(await isThere(join(first.home, "cluster", "postmaster.pid"))).toBe(false);
    expect(await isThere(first.connection.host)).toBe(false);
    const lines: string[] = [];
    const second = await start({ log: (line) => lines.push(line) });
    expect(await ask(second, "SELECT answer FROM kept")).toBe(42);
    expect(lines.join("\n")).not.toMatch(/not properly shut down|recovery/);
  });

  test("whose process dies is reported once, and starts again with what it acknowledged", async () => {
    const deaths: string[] = [];
    const first = await start({ onDeath: (reason) => deaths.push(reason) });
    await ask(first, "CREATE TABLE kept AS SELECT 42 AS answer");
    process.kill(first.pid, "SIGKILL");
    await expect.poll(() => deaths).toEqual(["the embedded database ended unexpectedly (signal SIGKILL)"]);
    await first.stop();
    expect(await ask(await start(), "SELECT answer FROM kept")).toBe(42);
    expect(deaths).toHaveLength(1);
  });
});

test("a process that exits without stopping its server takes it along, cleanly", async () => {
  const launcher = JSON.stringify(new URL("./embedded-postgres.ts", import.meta.url).href);
  const pid = await runElsewhere(`
    import { startEmbedded } from ${launcher};
    const server = await startEmbedded({ dataDir: ${JSON.stringify(join(folder, "data"))}, log: () => undefined });
    process.stdout.write(String(server.pid));
    process.exit(1);`);
  await expect.poll(() => isThere(`/proc/${pid}/cwd/postmaster.pid`)).toBe(false);
  const lines: string[] = [];
  await start({ log: (line) => lines.push(line) });
  expect(lines.join("\n")).not.toMatch(/not properly shut down|recovery|left running/);
});

test.runIf(onLinux)("no new server writes while a backend of a dead one still may", async () => {
  const first = await start();
  const client = new Client(first.connection);
  client.on("error", () => undefined);
  await client.connect();
  const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  const backend = rows[0]?.pid ?? 0;
  // Stopped, it cannot see that its server dies.
  process.kill(backend, "SIGSTOP");
  process.kill(first.pid, "SIGKILL");
  await first.stop();
  const lines: string[] = [];
  const second = start({ log: (line) => lines.push(line) });
  await expect.poll(() => lines.join(), { timeout: 10_000 }).toContain("still in use");
  process.kill(backend, "SIGCONT");
  expect(await ask(await second, "SELECT 1")).toBe(1);
  await client.end();
});

describe("the data dir", () => {
  test("serves one owner: a second, here or in another process, is told who has it", async () => {
    await start();
    const refusal = new RegExp(`DATA_DIR_IN_USE: the data dir is in use by pid ${process.pid} on `);
    expect(await startElsewhere(join(folder, "data"))).toMatch(refusal);
    await expect(start()).rejects.toMatchObject({ code: "DATA_DIR_IN_USE" });
  });

  test("may have a path too long for a socket; the short folder goes at the stop", async () => {
    const server = await start({ dataDir: join(folder, "d".repeat(120)) });
    expect(server.connection.host.length).toBeLessThan(90);
    expect(await ask(server, "SELECT 1")).toBe(1);
    await server.stop();
    expect(await isThere(server.connection.host)).toBe(false);
  });

  test.runIf(asRoot)(
    "that nobody can reach is served from the system folder, and from nowhere else later",
    async () => {
      const dataDir = join(folder, "closed", "data");
      await mkdir(dataDir, { recursive: true });
      await chmod(join(folder, "closed"), 0o700);
      const first = await start({ dataDir });
      expect(first.home.startsWith(join(folder, "system"))).toBe(true);
      await ask(first, "CREATE TABLE kept AS SELECT 42 AS answer");
      await first.stop();
      await chmod(join(folder, "closed"), 0o711);
      const second = await start({ dataDir });
      expect(await ask(second, "SELECT answer FROM kept")).toBe(42);
      await second.stop();
      await rm(first.home, { recursive: true });
      await expect(start({ dataDir })).rejects.toMatchObject({ code: "DATA_DIR_UNUSABLE" });
    },
  );

  test("may have commas, quotes and spaces in its path", async () => {
    expect(await ask(await start({ dataDir: join(folder, 'a, "b" c') }), "SELECT 1")).toBe(1);
  });

  test.runIf(asRoot)("made under a strict umask still lets the server pass", async () => {
    const before = process.umask(0o077);
    try {
      expect(await ask(await start({ dataDir: join(folder, "deep", "data") }), "SELECT 1")).toBe(1);
    } finally {
      process.umask(before);
    }
  });

  test.runIf(asRoot)("that became unreachable is refused, not replaced by an empty database", async () => {
    await (await start()).stop();
    await chmod(folder, 0o700);
    await expect(start()).rejects.toThrow(/exists, but user nobody cannot pass/);
  });

  test.runIf(asRoot && onLinux)("serves an ordinary user as that user", async () => {
    const dataDir = join(folder, "own");
    await mkdir(dataDir);
    await chown(dataDir, NOBODY, NOBODY);
    expect(await startElsewhere(dataDir, { uid: NOBODY, gid: NOBODY })).toBe(`started in ${dataDir}/postgres`);
    expect((await stat(join(dataDir, "postgres", "cluster"))).uid).toBe(NOBODY);
  });

  test.runIf(asRoot && onLinux)(
    "of a uid without a name is refused in one line that asks for DATABASE_URL",
    async () => {
      const refusal = await startElsewhere(join(folder, "own"), { uid: 12345, gid: 12345 });
      expect(refusal).toMatch(/^BINARIES_UNUSABLE: .*uid 12345.*DATABASE_URL/);
      expect(refusal).not.toContain("\n");
    },
  );
});

describe("the binaries", () => {
  const copyWithoutLinks = async (to: string): Promise<string> => {
    const native = packagedBinaries();
    const plain = async (path: string): Promise<boolean> => !path.endsWith(".a") && !(await isLink(path));
    await cp(native, join(to, "native"), { recursive: true, filter: plain });
    await cp(join(native, "..", "package.json"), join(to, "package.json"));
    return join(to, "native");
  };
  const isLink = async (path: string): Promise<boolean> => (await realpath(path)) !== path;

  test("start from an install that made no links", async () => {
    const binaries = await copyWithoutLinks(join(folder, "package"));
    expect(await isThere(join(binaries, "lib", "libicui18n.so.60"))).toBe(false);
    const server = await start({ binaries });
    expect(await ask(server, "SELECT 1")).toBe(1);
    expect((await readdir(server.home)).filter((name) => name.startsWith("binaries-"))).toEqual([]);
  });

  test.runIf(asRoot)("are copied, once, where nobody cannot reach them", async () => {
    const binaries = await copyWithoutLinks(join(folder, "package"));
    await chmod(join(folder, "package"), 0o700);
    const first = await start({ binaries });
    const copy = (await readdir(first.home)).find((name) => name.startsWith("binaries-")) ?? "";
    expect(copy).toMatch(/^binaries-18\./);
    await first.stop();
    const made = await stat(join(first.home, copy));
    const second = await start({ binaries });
    expect((await stat(join(second.home, copy))).ino).toBe(made.ino);
  });

  test("that do not run here are refused in one line that asks for DATABASE_URL", async () => {
    const binaries = join(folder, "package", "native");
    await mkdir(join(binaries, "bin"), { recursive: true });
    await writeFile(join(folder, "package", "package.json"), "{}");
    await writeFile(join(binaries, "pg-symlinks.json"), "[]");
    // What a musl system answers for a glibc program: the interpreter it names is missing.
    await writeFile(join(binaries, "bin", "postgres"), "#!/lib64/missing-interpreter\n", { mode: 0o755 });
    const refused = start({ binaries });
    await expect(refused).rejects.toMatchObject({ code: "BINARIES_UNUSABLE" });
    await expect(refused).rejects.toThrow(/^[^\n]*cannot run here[^\n]*GNU C library[^\n]*DATABASE_URL[^\n]*$/);
  });
});

describe.runIf(onLinux)("a stale postmaster.pid", () => {
  /** As a crashed server leaves it, but with a pid that something else has by now. */
  const leave = async (pid: number): Promise<void> => {
    const server = await start();
    await ask(server, "CREATE TABLE kept AS SELECT 42 AS answer");
    const path = join(server.home, "cluster", "postmaster.pid");
    const text = await readFile(path, "utf8");
    process.kill(server.pid, "SIGKILL");
    await server.stop();
    await writeFile(path, text.replace(String(server.pid), String(pid)));
  };
  const identity = asRoot ? { uid: NOBODY, gid: NOBODY } : {};

  test("whose pid belongs to another program is seen through, and that program lives on", async () => {
    const other = spawn("sleep", ["60"], { ...identity, cwd: "/", stdio: "ignore" });
    await leave(other.pid ?? 0);
    expect(await ask(await start(), "SELECT answer FROM kept")).toBe(42);
    expect(other.exitCode).toBeNull();
    expect(other.signalCode).toBeNull();
    other.kill();
  });

  test("whose pid belongs to a zombie is seen through", async () => {
    // exec makes a parent that never reaps the child it was born with.
    const parent = spawn("sh", ["-c", "sleep 0 & exec sleep 60"], { ...identity, cwd: "/", stdio: "ignore" });
    const children = `/proc/${parent.pid}/task/${parent.pid}/children`;
    const state = async (pid: number): Promise<string> =>
      (await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")).replace(/^.*\) /, "");
    let zombie = 0;
    while (zombie === 0 || !(await state(zombie)).startsWith("Z")) {
      zombie = Number((await readFile(children, "utf8")).trim());
      await sleep(10);
    }
    await leave(zombie);
    expect(await ask(await start(), "SELECT answer FROM kept")).toBe(42);
    parent.kill();
  });
});
