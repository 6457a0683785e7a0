import { readFileSync } from "node:fs";
import { mkdtemp, chmod, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startChild, untilFound, type ChildEnd, type ChildProgram } from "./child-program.ts";
import { reportsTo, whatKeeps } from "./late-start.ts";

export interface TollhouseProcessOptions {
  /** Settings as environment variables, over those of the tests. */
  readonly env?: Readonly<Record<string, string>>;
  /** Base URL of a simulator: all three providers are there. */
  readonly providers: string;
  /** Absent: the embedded database, in the data folder. */
  readonly databaseUrl?: string;
  /** `dist` needs a build. Default: the sources. */
  readonly build?: "source" | "dist";
  /** Folder of another checkout, with its node_modules: that one's server. Default: this one's. */
  readonly checkout?: string;
  /** See ChildProgramOptions. */
  readonly inside?: readonly string[];
  readonly clockOffMs?: number;
  /** Its `tollhouse.yaml`. */
  readonly yaml?: string;
}

/** The real server as a process of its own, on a data folder that outlives it: killed, stopped and started as often as wanted. */
export interface TollhouseProcess {
  /** `http://127.0.0.1:port` of the process that runs now; another port after each start. */
  readonly url: string;
  readonly pid: number;
  readonly dataDir: string;
  /** URL of the embedded database while the server runs; else the one given. */
  readonly databaseUrl: string;
  /** Starts it on the same data folder. Resolves when `/ready` says 200, or it listens, with the milliseconds that took. */
  start(until?: "ready" | "listening"): Promise<number>;
  /** SIGSTOP: it is there, and does nothing. `resume` lets it go on as if no time had passed. */
  pause(): void;
  resume(): void;
  /** Steps the clock of the process that runs now, if it has one of its own (`clockOffMs`). */
  setClock(offMs: number): void;
  /** SIGKILL, to the server alone: its embedded database is left an orphan, as it would be. */
  kill(): Promise<void>;
  /** SIGTERM. Resolves when it has ended. */
  terminate(): Promise<ChildEnd>;
  /** A control call as the admin; throws on a status of 400 and above, with the body. */
  control<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** One sample of `/metrics`, without labels; throws where there is none. */
  metric(name: string): Promise<number>;
  /** Of all starts together. */
  stdout(): string;
  stderr(): string;
  /** Ends what runs, the database too, and removes the data folder. */
  remove(): Promise<void>;
}

const ADMIN_KEY = "th_admin_for_tests_only";
const READY_MS_MAX = 120_000;

/** Starts it, and resolves when it is ready. */
export async function tollhouseProcess(options: TollhouseProcessOptions): Promise<TollhouseProcess> {
  const dataDir = await mkdtemp(join(tmpdir(), "th-proc-"));
  // The user that the embedded database runs as has to pass.
  await chmod(dataDir, 0o711);
  if (options.yaml !== undefined) await writeFile(join(dataDir, "tollhouse.yaml"), options.yaml);
  const tollhouse = new ServerProcess(options, dataDir);
  try {
    await tollhouse.start();
    return tollhouse;
  } catch (error) {
    await tollhouse.remove();
    throw error;
  }
}

class ServerProcess implements TollhouseProcess {
  readonly dataDir: string;
  readonly #options: TollhouseProcessOptions;
  readonly #earlier = { stdout: "", stderr: "" };
  #program: ChildProgram | null = null;
  #url = "";

  constructor(options: TollhouseProcessOptions, dataDir: string) {
    this.#options = options;
    this.dataDir = dataDir;
    process.once("exit", this.#lastThing);
  }

  get url(): string {
    return this.#url;
  }

  get pid(): number {
    return this.#program?.pid ?? -1;
  }

  get databaseUrl(): string {
    const host = encodeURIComponent(join(this.dataDir, "postgres", "run"));
    return this.#options.databaseUrl ?? `postgresql://tollhouse@localhost:5432/tollhouse?host=${host}`;
  }

  async start(until: "ready" | "listening" = "ready"): Promise<number> {
    if (this.#program !== null) throw new Error("it runs already");
    const startedAt = performance.now();
    const file = this.#options.build === "dist" ? "dist/main.js" : "src/main.ts";
    const checkout = this.#options.checkout ?? fileURLToPath(new URL("../../../", import.meta.url));
    const script = join(checkout, "apps/server", file);
    const { inside, clockOffMs } = this.#options;
    const where = { ...(inside !== undefined && { inside }), ...(clockOffMs !== undefined && { clockOffMs }) };
    const program = startChild({
      script,
      env: this.#env(),
      cwd: this.dataDir,
      flags: reportsTo(this.dataDir),
      ...where,
    });
    this.#program = program;
    await this.#untilUp(program, until).catch(async (error: unknown) => {
      const why = `${program.stdout()}\n${await whatKeeps(program, this.dataDir, this.#options.databaseUrl ?? null)}`;
      throw new Error(`${(error as Error).message}\n${why}`, { cause: error });
    });
    return performance.now() - startedAt;
  }

  async #untilUp(program: ChildProgram, until: "ready" | "listening"): Promise<void> {
    const said = (): string | null => /Tollhouse is ready at (\S+)/.exec(program.stderr())?.[1] ?? null;
    this.#url = await untilFound(program, said, "the server to say its address", READY_MS_MAX);
    if (until === "ready") await untilFound(program, () => isReady(this.#url), "/ready to answer 200", READY_MS_MAX);
  }

  pause(): void {
    process.kill(this.pid, "SIGSTOP");
  }

  resume(): void {
    process.kill(this.pid, "SIGCONT");
  }

  setClock(offMs: number): void {
    this.#program?.setClock(offMs);
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  terminate(): Promise<ChildEnd> {
    return this.#end("SIGTERM");
  }

  async control<T>(method: string, path: string, body?: unknown): Promise<T> {
    const type = body === undefined ? {} : { "content-type": "application/json" };
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, ...type };
    const response = await fetch(this.#url + path, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.status >= 400) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.#url}/metrics`)).text();
    const found = new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1];
    if (found === undefined) throw new Error(`/metrics has no sample ${name}`);
    return Number(found);
  }

  stdout(): string {
    return this.#earlier.stdout + (this.#program?.stdout() ?? "");
  }

  stderr(): string {
    return this.#earlier.stderr + (this.#program?.stderr() ?? "");
  }

  async remove(): Promise<void> {
    process.off("exit", this.#lastThing);
    if (this.#program !== null) await this.kill();
    await this.#endDatabase();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  #env(): Record<string, string> {
    const { providers, databaseUrl, env } = this.#options;
    return {
      TOLLHOUSE_PORT: "0",
      TOLLHOUSE_DATA_DIR: this.dataDir,
      TOLLHOUSE_ADMIN_KEY: ADMIN_KEY,
      TOLLHOUSE_MASTER_KEY: "11".repeat(32),
      ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
      DEFAULT_BUDGET: "0",
      OPENAI_API_KEY: "sk-simulated-openai",
      OPENAI_BASE_URL: `${providers}/v1`,
      ANTHROPIC_API_KEY: "sk-ant-simulated",
      ANTHROPIC_BASE_URL: providers,
      GEMINI_API_KEY: "simulated-gemini",
      GEMINI_BASE_URL: providers,
      // The machine of the tests is busy with the tests: that a server is behind on it says nothing of the server.
      TOLLHOUSE_EVENT_LOOP_LAG_MS: "0",
      LOG_LEVEL: "warning",
      ...env,
    };
  }

  async #end(signal: NodeJS.Signals): Promise<ChildEnd> {
    const program = this.#program;
    if (program === null) throw new Error("it does not run");
    const end = await program.kill(signal);
    this.#program = null;
    this.#earlier.stdout += program.stdout();
    this.#earlier.stderr += program.stderr();
    return end;
  }

  /** The orphan of a killed server; a clean stop leaves none. */
  async #endDatabase(): Promise<void> {
    const pid = postmasterPid(await readFile(this.#postmasterFile(), "utf8").catch(() => ""));
    if (pid === null || !signalQuietly(pid, "SIGQUIT")) return;
    for (const deadline = performance.now() + 15_000; signalQuietly(pid, 0) && performance.now() < deadline;)
      await new Promise((resolve) => setTimeout(resolve, 10));
  }

  #postmasterFile(): string {
    return join(this.dataDir, "postgres", "cluster", "postmaster.pid");
  }

  /** A test run that ends in the middle of a test leaves nothing behind but the folder. */
  readonly #lastThing = (): void => {
    if (this.#program !== null) signalQuietly(this.#program.pid, "SIGKILL");
    try {
      const pid = postmasterPid(readFileSync(this.#postmasterFile(), "utf8"));
      if (pid !== null) signalQuietly(pid, "SIGQUIT");
    } catch {
      // No database of its own, or none left.
    }
  };
}

async function isReady(url: string): Promise<true | null> {
  const response = await fetch(`${url}/ready`).catch(() => null);
  await response?.arrayBuffer();
  return response?.status === 200 ? true : null;
}

function postmasterPid(file: string): number | null {
  const pid = Number.parseInt(file, 10);
  return Number.isInteger(pid) && pid > 1 ? pid : null;
}

function signalQuietly(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
