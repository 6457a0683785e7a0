import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSettings, startTollhouse, type Tollhouse } from "@tollhouse/server";
import { startSimulator, type Simulator, type SimulatorOptions } from "@tollhouse/simulator";
import { testDatabase, type TestDatabase } from "./test-database.ts";

export const TEST_ADMIN_KEY = "th_admin_for_tests_only";
const TEST_MASTER_KEY = "11".repeat(32);

export interface StartedTollhouse {
  /** `http://127.0.0.1:port`, no slash at its end. */
  readonly url: string;
  readonly simulator: Simulator;
  readonly tollhouse: Tollhouse;
  readonly database: TestDatabase;
  /** What the server writes beside the database. */
  readonly dataDir: string;
  /** A control call as the admin; throws on a status of 400 and above, with the body. */
  control<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Everything that ended before now is in the database. */
  recorded(): Promise<void>;
  stop(): Promise<void>;
}

export interface StartedOptions {
  /** Settings as environment variables, over those of the tests. */
  readonly env?: Readonly<Record<string, string>>;
  readonly yaml?: string;
  readonly simulator?: SimulatorOptions;
  /** Shares its database and its simulator, which stop with it: stop this one first. Both need the same REDIS_URL. */
  readonly beside?: StartedTollhouse;
}

const READY_MS_MAX = 30_000;

/**
 * The real server in this process, on a database of its own, with the provider simulator behind all three dialects. Resolves when it is
 * ready.
 */
export async function startedTollhouse(options: StartedOptions = {}): Promise<StartedTollhouse> {
  const { beside } = options;
  const database = beside?.database ?? (await testDatabase());
  const dataDir = await mkdtemp(join(tmpdir(), "tollhouse-test-"));
  const simulator = beside?.simulator ?? (await startSimulator({ seed: 1, ...options.simulator }));
  const env = {
    TOLLHOUSE_PORT: "0",
    TOLLHOUSE_DATA_DIR: dataDir,
    TOLLHOUSE_ADMIN_KEY: TEST_ADMIN_KEY,
    TOLLHOUSE_MASTER_KEY: TEST_MASTER_KEY,
    DATABASE_URL: database.url,
    OPENAI_API_KEY: "sk-simulated-openai",
    OPENAI_BASE_URL: `${simulator.url}/v1`,
    ANTHROPIC_API_KEY: "sk-ant-simulated",
    ANTHROPIC_BASE_URL: simulator.url,
    GEMINI_API_KEY: "simulated-gemini",
    GEMINI_BASE_URL: simulator.url,
    // Client, provider and server share one event loop here: that it is behind says nothing of the server.
    TOLLHOUSE_EVENT_LOOP_LAG_MS: "0",
    LOG_LEVEL: "error",
    ...options.env,
  };
  const remove = async (): Promise<void> => {
    if (beside === undefined) {
      await simulator.close();
      await database.drop();
    }
    await rm(dataDir, { recursive: true, force: true });
  };
  const settings = loadSettings({ env, argv: [], yamlText: options.yaml ?? null, cwd: dataDir });
  const tollhouse = await startTollhouse(settings).catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  if (settings.redisUrls !== null) await untilReady(tollhouse.address);
  return {
    url: tollhouse.address,
    simulator,
    tollhouse,
    database,
    dataDir,
    control: (method, path, body) => control(tollhouse.address, method, path, body),
    recorded: () => tollhouse.recorded(),
    stop: async () => {
      await tollhouse.stop();
      await remove();
    },
  };
}

async function untilReady(address: string): Promise<void> {
  for (const deadline = performance.now() + READY_MS_MAX; ;) {
    const answer = await fetch(`${address}/ready`);
    const text = await answer.text();
    if (answer.status === 200) return;
    if (performance.now() > deadline) throw new Error(`not ready within ${READY_MS_MAX} ms: ${text}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export async function control<T>(address: string, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${address}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${TEST_ADMIN_KEY}`,
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status >= 400) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (text === "" ? undefined : JSON.parse(text)) as T;
}
