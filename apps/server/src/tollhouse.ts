import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createPriceBook, seededPriceBookData } from "@tollhouse/engine";
import {
  assertMasterKey,
  becomeSoleOwner,
  DEFAULT_TENANT,
  INSTALLATION_ROLE,
  LedgerKeys,
  loadAdminKey,
  loadMasterKey,
  loadRecorderState,
  openSpool,
  recoverSpool,
  startEmbedded,
  startRecorder,
  StartRefused,
  type EmbeddedPostgres,
  type Recorder,
} from "@tollhouse/store";
import type { BlockServices } from "./blocks/load-block-services.ts";
import { countingSpend } from "./anomalies/load-anomaly-services.ts";
import { createControlApi } from "./control/control-api.ts";
import { ControlRates } from "./control/control-rates.ts";
import { anomalyRuleRoutes } from "./control/routes/anomaly-rules.ts";
import { blockRoutes } from "./control/routes/blocks.ts";
import { OPENAPI_TEXT } from "./control/openapi.ts";
import { decisionRoutes } from "./control/routes/decisions.ts";
import { ledgerRoutes } from "./control/routes/ledger.ts";
import { keyRoutes } from "./control/routes/keys.ts";
import { checkRoutes } from "./control/routes/checks.ts";
import { limitRoutes } from "./control/routes/limits.ts";
import { policyRoutes } from "./control/routes/policies.ts";
import { priceRoutes } from "./control/routes/prices.ts";
import { privacyRoutes } from "./control/routes/privacy.ts";
import { providerKeyRoutes } from "./control/routes/provider-keys.ts";
import { rehearsalRoutes } from "./control/routes/rehearsals.ts";
import { sessionRoutes } from "./control/routes/sessions.ts";
import { tenantRoutes } from "./control/routes/tenants.ts";
import { summaryRoutes } from "./control/routes/summary.ts";
import { usageRoutes } from "./control/routes/usage.ts";
import type { Gateway } from "./gateway/gateway.ts";
import { createOutputProfile } from "./gateway/output-profile.ts";
import { RunningCalls } from "./gateway/running-calls.ts";
import { createTargetFinder, createUpstream, type Upstream } from "./gateway/upstreams.ts";
import { KeyDirectory } from "./keys/key-directory.ts";
import type { LimitService } from "./limits/limit-service.ts";
import { startCheckpoints } from "./ledger/start-checkpoints.ts";
import { loadCounters } from "./limits/load-counters.ts";
import { SettledTap } from "./limits/settled-tap.ts";
import { createListener } from "./listener.ts";
import { createLogger, type Logger } from "./process/logger.ts";
import { createMetrics } from "./process/metrics.ts";
import { createObserver } from "./process/observe.ts";
import { createPages } from "./process/pages.ts";
import { shutDown } from "./process/shut-down.ts";
import { ownPriceRows } from "./own-price-rows.ts";
import type { Place } from "./place.ts";
import type { ProviderKeyService } from "./provider-keys/provider-key-service.ts";
import { loadRehearsals } from "./rehearsals/load-rehearsals.ts";
import { loadSdk } from "./sdk/load-sdk.ts";
import { secretsOf, type Settings } from "./settings.ts";
import { TenantService } from "./tenants/tenant-service.ts";
import { createMetricsAccess } from "./tenants/metrics-access.ts";
import { loadTenants } from "./tenants/load-tenants.ts";
import { openDatabases } from "./tenants/open-databases.ts";
import { createTokenCounter } from "./tokens/count-tokens.ts";
import { VERSION } from "./version.ts";

/** A running Tollhouse: one process, one port. */
export interface Tollhouse {
  /** `http://127.0.0.1:8787` */
  readonly address: string;
  readonly adminKeyMade: string | null;
  readonly auth: "open" | "required";
  readonly startedInMs: number;
  readonly database: string;
  readonly gateway: Gateway;
  /** Routes of the control API. */
  readonly controlRoutes: readonly string[];
  /** Everything that ended before now is in the database. */
  recorded(): Promise<void>;
  /** Told once where the process cannot go on (the embedded database died). */
  onDeath(listener: (reason: string) => void): void;
  /** Takes no new calls, lets the running ones end within the grace time, settles the rest, writes everything out. */
  stop(): Promise<void>;
}

const ENVIRONMENT = "prod";
const SWEEP_MS = 10_000;
const REPORT_WAIT_MS = 2_000;

/**
 * Starts everything, in the order in which one needs the other: the database, what the last process left in the spool, the
 * counters, and only then the port. Throws StartRefused or SettingsError with one line for the operator.
 */
export async function startTollhouse(settings: Settings): Promise<Tollhouse> {
  const startedAt = performance.now();
  // Accepted by name, so that nobody believes their limits to be shared while they are not.
  if (settings.redisUrls !== null)
    throw new StartRefused(
      "SETTING_NOT_AVAILABLE",
      "REDIS_URL: this version keeps counters in the memory of one process; unset it, and run one process per database",
    );
  const logger = createLogger({ level: settings.logLevel, secrets: secretsOf(settings) });
  const death = Promise.withResolvers<string>();
  const embedded = settings.databaseUrl === null ? await startDatabase(settings, logger, death.resolve) : null;
  const target = embedded === null ? { url: settings.databaseUrl as string } : { embedded };
  const databases = await openDatabases(target, (line) => logger.warning(line));
  const { db } = databases;
  const owner = await becomeSoleOwner(db, death.resolve);
  const masterKey = await loadMasterKey({
    dataDir: settings.dataDir,
    fromEnv: settings.masterKey?.toString("hex"),
    embedded: embedded !== null,
  });
  await assertMasterKey(db, masterKey);
  const adminKey = await loadAdminKey(db, masterKey, settings.adminKey ?? undefined);
  const keys = new LedgerKeys(masterKey);
  const now = createClock();

  // What the last process left: every open call gets its end, and everything is in the database before counters are read.
  const spool = await openSpool({
    dir: join(settings.dataDir, "spool"),
    bytesMax: settings.spoolBytesMax,
    sync: settings.spoolSync,
  });
  const recovered = await recoverSpool(spool, await loadRecorderState(db, spool.node), now());
  if (recovered.settled > 0)
    logger.warning("calls of a stopped process were settled at what they had reserved", { calls: recovered.settled });
  const recorder = startRecorder({
    spool,
    databaseUrl: db.url,
    masterKey,
    role: INSTALLATION_ROLE,
    onError: (message) => logger.error(message),
  });
  await recorder.drained();
  const counters = await loadCounters(db, now(), logger);

  const prices = createPriceBook(seededPriceBookData(), ownPriceRows(settings.providers));
  const metrics = createMetrics({
    providers: settings.providers.map((provider) => provider.name),
    isKnownModel: (provider, model) => prices.find(provider, model, now())?.match === "exact",
  });
  metrics.watch({
    callsInFlight: () => gateway.state.inFlight,
    reservedNano: () => reservedNano(gateway) + sdk.checks.reservedUsd,
    spoolBytes: () => spool.state().bytes,
    recorderLag: () => recorder.lag(),
  });
  const tap = new SettledTap();
  const place = { tenant: DEFAULT_TENANT, environment: ENVIRONMENT };
  const exchanges = new RunningCalls();
  const upstreams = createUpstreams(settings);
  const directory = new KeyDirectory((error) =>
    logger.warning("the last uses of keys could not be written", { error: toError(error) }),
  );
  const once = { spool, recorder, masterKey, keys, counters, tap, running: exchanges, upstreams, logger, metrics, now };
  const { defaultBudget } = settings;
  const tenants = await loadTenants(db, { ...once, defaultBudget, databases: databases.tenants, directory });
  const limitsOf = (at: Place): LimitService => tenants.at(at).limits;
  const blocksOf = (at: Place): BlockServices => tenants.at(at).blocks;
  const providerKeysOf = (at: Place): ProviderKeyService => tenants.at(at).providerKeys;
  const gateway: Gateway = {
    settings: {
      bodyBytesMax: settings.bodyBytesMax,
      callsInFlightMax: settings.callsInFlightMax,
      bodyTimeoutMs: 60_000,
      drainsMax: settings.drainCallsMax,
      drainMs: settings.drainSeconds * 1_000,
      answerBytesMax: 256 * 1024 * 1024,
    },
    identity: {
      ...place,
      auth: settings.auth,
      strict: settings.strictMode,
      isAdminKey: (text) => adminKey.matches(text),
      findKey: (text) => directory.find(text),
      tenantOfKey: (text) => directory.tenantOf(text),
    },
    limits: (at) => limitsOf(at).snapshot,
    blocks: (at) => blocksOf(at).blocks.snapshot,
    anomalies: (at) => tenants.at(at).anomalies.monitor,
    policies: (at) => tenants.at(at).policies,
    providerKeys: providerKeysOf,
    counters,
    prices,
    spool,
    tokens: createTokenCounter(),
    profile: createOutputProfile(2),
    tap,
    ended: countingSpend((at) => tenants.at(at).anomalies, createObserver(logger, metrics)),
    failed: (error) => logger.error("a call failed in Tollhouse", { error: toError(error) }),
    now,
    exchanges,
    state: { closing: false, inFlight: 0, drains: 0 },
  };
  const drained = (): Promise<void> => recorder.drained();
  const sdk = loadSdk({ gateway, upstreams, left: recovered.checks, db, dbOf: databases.tenants.of, tenants, drained });
  const reports = { dbOf: databases.tenants.of, keys, caughtUp: () => atMost(recorder.drained(), REPORT_WAIT_MS) };
  const checkpoints = startCheckpoints({ db, dbOf: reports.dbOf, masterKey, settings, tenants, logger, now });
  const control = await createControlApi({
    isAdminKey: (text) => adminKey.matches(text),
    findKey: (text) => directory.find(text),
    findTenant: (name) => tenants.byName(name)?.id ?? null,
    failed: (error) => gateway.failed(error),
    rates: new ControlRates(settings, now),
    now,
    routes: [
      tenantRoutes(new TenantService({ db, spool, registry: tenants, now })),
      limitRoutes(limitsOf, reports.dbOf),
      keyRoutes((tenant) => tenants.of(tenant).keys),
      policyRoutes((at) => tenants.at(at).policies),
      rehearsalRoutes(loadRehearsals({ ...reports, db, masterKey, settings, tenants, now })),
      providerKeyRoutes(providerKeysOf),
      usageRoutes(reports),
      summaryRoutes({ reports, limitsOf, now }),
      priceRoutes(prices, now),
      ledgerRoutes({ ...reports, checkpoints }),
      decisionRoutes(reports, { prices, at: (place) => ({ ...tenants.at(place), counters, now }) }),
      anomalyRuleRoutes((at) => tenants.at(at).anomalies),
      blockRoutes(blocksOf),
      checkRoutes({ checks: sdk.checks, reports, tenants }),
      sessionRoutes({ servicesOf: blocksOf, reports, now }),
      privacyRoutes({ ...once, ...reports, tenants, checks: sdk.checks }),
    ],
  });
  let address = "";
  const server = createListener({
    gateway,
    findTarget: createTargetFinder(upstreams),
    control: control.handle,
    sdk: sdk.pages,
    pages: createPages({
      version: VERSION,
      waitingFor: () => waitingFor(gateway),
      metrics: () => metrics.text(),
      metricsType: metrics.contentType,
      mayReadMetrics: createMetricsAccess(tenants, adminKey),
      address: () => address,
      openApi: OPENAPI_TEXT,
    }),
    fallback: (upstreams.get("openai") as Upstream).adapter,
  });
  address = await listen(server, settings);
  const sweep = setInterval(() => counters.sweep(now()), SWEEP_MS);
  sweep.unref();

  let stopping: Promise<void> | null = null;
  return {
    address,
    adminKeyMade: adminKey.made,
    auth: settings.auth,
    startedInMs: performance.now() - startedAt,
    database: embedded === null ? "PostgreSQL at DATABASE_URL" : "embedded PostgreSQL",
    gateway,
    controlRoutes: control.routes,
    recorded: () => recorder.drained(),
    onDeath: (listener) => void death.promise.then(listener),
    stop: () =>
      (stopping ??= shutDown({
        gateway,
        server,
        graceMs: settings.shutdownGraceSeconds * 1_000,
        steps: [
          () => control.close(),
          () => sdk.close(),
          () => checkpoints.close(),
          ...[...upstreams.values()].map((upstream) => () => upstream.pool.destroy()),
          () => gateway.tokens.close(),
          () => directory.close(),
          () => drainRecorder(recorder, logger),
          () => recorder.stop(),
          () => spool.close(),
          () => Promise.resolve(owner.release()),
          () => databases.close(),
          () => embedded?.stop() ?? Promise.resolve(),
          () => Promise.resolve(clearInterval(sweep)),
          () => Promise.resolve(logger.close()),
        ],
      })),
  };
}

function startDatabase(
  settings: Settings,
  logger: Logger,
  onDeath: (reason: string) => void,
): Promise<EmbeddedPostgres> {
  return startEmbedded({ dataDir: settings.dataDir, log: (line) => logger.debug(line), onDeath });
}

function createUpstreams(settings: Settings): ReadonlyMap<string, Upstream> {
  return new Map(
    settings.providers.map((provider) => [
      provider.name,
      createUpstream({
        ...provider,
        headersTimeoutMs: settings.upstreamHeadersSeconds * 1_000,
        chunkTimeoutMs: settings.upstreamChunkSeconds * 1_000,
      }),
    ]),
  );
}

function waitingFor(gateway: Gateway): string[] {
  if (gateway.state.closing) return ["shutdown"];
  return gateway.spool.state().refusing === null ? [] : ["spool"];
}

function reservedNano(gateway: Gateway): bigint {
  let sum = 0n;
  for (const exchange of gateway.exchanges) sum += exchange.call.reservation.usd;
  return sum;
}

/** The recorder may wait for a database that is away; what it has not written stays in the spool for the next start. */
async function drainRecorder(recorder: Recorder, logger: Logger): Promise<void> {
  await atMost(recorder.drained(), 5_000);
  if (recorder.lag().bytes > 0)
    logger.warning("the database is behind: what it does not have stays in the spool until the next start");
}

async function atMost(work: Promise<void>, ms: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, late]);
  clearTimeout(timer);
}

/** Wall-clock milliseconds that never go backwards, so that no window is left and entered again. */
function createClock(): () => number {
  let last = 0;
  return () => (last = Math.max(last, Date.now()));
}

async function listen(server: Server, settings: Settings): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(settings.port, settings.host, resolve);
  });
  const { port, family, address } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
