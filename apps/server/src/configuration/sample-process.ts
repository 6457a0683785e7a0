import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  configurationVersion,
  INSTALLATION_ROLE,
  LedgerKeys,
  MemoryCounterStore,
  openDatabase,
  openSpool,
  openTenantDatabases,
  startRecorder,
  type OpenDatabase,
  type Recorder,
} from "@tollhouse/store";
import type { Exchange } from "../gateway/exchange.ts";
import { createUpstream } from "../gateway/upstreams.ts";
import { KeyDirectory } from "../keys/key-directory.ts";
import { SettledTap } from "../limits/settled-tap.ts";
import { createLogger } from "../process/logger.ts";
import { createMetrics } from "../process/metrics.ts";
import { loadTenants } from "../tenants/load-tenants.ts";
import type { TenantRegistry } from "../tenants/tenant-registry.ts";
import { TenantService } from "../tenants/tenant-service.ts";
import { loadFollower, type Follower } from "./load-follower.ts";

// A process for tests, without a listener and without shared counters: what it has of the configuration, and how it hears of changes.

export interface SampleProcess {
  readonly tenants: TenantRegistry;
  readonly making: TenantService;
  readonly directory: KeyDirectory;
  readonly recorder: Recorder;
  readonly follower: Follower;
  readonly running: Exchange[];
  readonly lines: string[];
  close(): Promise<void>;
}

export interface SampleProcessOptions {
  readonly url: string;
  /** How it reaches the database to follow changes; default: as everything else does. */
  readonly followUrl?: string;
  readonly staleMs?: number;
}

const masterKey = Buffer.alloc(32, 7);
const AT_PROVIDER = {
  name: "openai",
  dialect: "openai",
  baseUrl: "http://127.0.0.1:9/v1",
  apiKey: "sk-sample",
} as const;

export async function sampleProcess(options: SampleProcessOptions): Promise<SampleProcess> {
  const { url, followUrl = url, staleMs = 60_000 } = options;
  const dir = mkdtempSync(join(tmpdir(), "tollhouse-configuration-"));
  const db = await openDatabase({ url }, { role: INSTALLATION_ROLE, connectionsMax: 4 });
  const databases = await openTenantDatabases({ url }, { connectionsMax: 4 });
  const spool = await openSpool({ dir });
  const recorder = startRecorder({ spool, databaseUrl: url, masterKey, onError: (line) => lines.push(line) });
  const lines: string[] = [];
  const sink = { write: (line: string) => void lines.push(line), push: () => undefined, flush: () => undefined };
  const logger = createLogger({ level: "info", secrets: [], sink: { ...sink, close: () => undefined } });
  const running: Exchange[] = [];
  const directory = new KeyDirectory(() => undefined);
  const since = await configurationVersion(db);
  const upstream = createUpstream({ ...AT_PROVIDER, auth: "bearer", headersTimeoutMs: 1_000, chunkTimeoutMs: 1_000 });
  const counters = new MemoryCounterStore();
  const parts = {
    spool,
    recorder,
    masterKey,
    keys: new LedgerKeys(masterKey),
    counters,
    countersOf: () => counters,
    tap: new SettledTap(),
    running,
    upstreams: new Map([["openai", upstream]]),
    logger,
    metrics: createMetrics({ providers: ["openai"], isKnownModel: () => true }),
    defaultBudget: null,
    now: Date.now,
  };
  const tenants = await loadTenants(db, { ...parts, databases, directory });
  const follower = await loadFollower({
    url: followUrl,
    registry: tenants,
    since,
    staleMs,
    loaded: () => undefined,
    logger,
  });
  const making = new TenantService({ db, spool, registry: tenants, now: Date.now });
  return {
    tenants,
    making,
    directory,
    recorder,
    follower,
    running,
    lines,
    async close() {
      await follower.close();
      await directory.close();
      await upstream.pool.destroy();
      await endStores(db, [() => recorder.stop(), () => spool.close(), () => databases.close()]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function endStores(db: OpenDatabase, steps: readonly (() => Promise<void>)[]): Promise<void> {
  for (const step of steps) await step();
  await db.close();
}
