import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { createPriceBook, seededPriceBookData } from "@tollhouse/engine";
import { DEFAULT_TENANT, StartRefused, type OpenDatabase, type Recorder } from "@tollhouse/store";
import { countingSpend } from "./anomalies/load-anomaly-services.ts";
import type { Counting } from "./counting/counting.ts";
import { loadControl } from "./control/load-control.ts";
import { openApiText } from "./control/openapi.ts";
import type { Gateway } from "./gateway/gateway.ts";
import { createOutputProfile } from "./gateway/output-profile.ts";
import { RunningCalls } from "./gateway/running-calls.ts";
import { createTargetFinder, createUpstream, type Upstream } from "./gateway/upstreams.ts";
import { KeyDirectory } from "./keys/key-directory.ts";
import { fixedTurn, takeTurns, type JobTurn } from "./jobs/job-turn.ts";
import { keepLedger } from "./ledger/keep-ledger.ts";
import { SettledTap } from "./limits/settled-tap.ts";
import { LiveEvents } from "./live/live-events.ts";
import { createListener } from "./listener.ts";
import { createLogger, type Logger } from "./process/logger.ts";
import { createMetrics } from "./process/metrics.ts";
import { createObserver } from "./process/observe.ts";
import { loadDashboard } from "./process/dashboard-files.ts";
import { createPages } from "./process/pages.ts";
import { countConnections, nodeLimits } from "./process/node-limits.ts";
import { noCalls, noControl, pagesOf } from "./process/served-by-role.ts";
import { shutDown } from "./process/shut-down.ts";
import { watchLoad } from "./process/watch-load.ts";
import { ownPriceRows } from "./own-price-rows.ts";
import { loadSdk } from "./sdk/load-sdk.ts";
import { secretsOf, type Settings } from "./settings.ts";
import type { SystemParts } from "./system/system-status.ts";
import { openStores } from "./stores/open-stores.ts";
import { createMetricsAccess } from "./tenants/metrics-access.ts";
import { loadTenants } from "./tenants/load-tenants.ts";
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
const REPORT_WAIT_MS = 2_000;

/**
 * Starts everything, in the order in which one needs the other: the database, what the last process left in the spool, the
 * counters, and only then the port. Throws StartRefused or SettingsError with one line for the operator.
 */
export async function startTollhouse(settings: Settings): Promise<Tollhouse> {
  const startedAt = performance.now();
  const logger = createLogger({ level: settings.logLevel, secrets: secretsOf(settings) });
  const death = Promise.withResolvers<string>();
  const now = createClock();
  const nodeName = settings.nodeName ?? hostname();
  const stores = await openStores({ settings, nodeName, logger, now, onDeath: death.resolve });
  const { embedded, databases, db, masterKey, adminKey, keys, spool, recorder, counting } = stores;

  const prices = createPriceBook(seededPriceBookData(), ownPriceRows(settings.providers));
  const metrics = createMetrics({
    providers: settings.providers.map((provider) => provider.name),
    isKnownModel: (provider, model) => prices.find(provider, model, now())?.match === "exact",
  });
  metrics.watch({
    callsInFlight: () => gateway.state.inFlight,
    reservedNano: () => reservedNano(gateway) + sdk.checks.reservedUsd,
    spoolBytes: () => spool.state().bytes,
    nodeLimits: () =>
      nodeLimits({
        gateway,
        watched,
        checks: sdk.checks,
        tokens,
        connections,
        databases: databases.tenants,
        live,
        settings,
        counting,
      }),
    recorderLag: () => recorder.lag(),
    chainsNotSigned: () => ledger.checkpoints.trouble?.chains ?? 0,
  });
  const tap = new SettledTap();
  const place = { tenant: DEFAULT_TENANT, environment: ENVIRONMENT };
  const exchanges = new RunningCalls();
  const upstreams = createUpstreams(settings);
  const directory = new KeyDirectory((error) =>
    logger.warning("the last uses of keys could not be written", { error: toError(error) }),
  );
  const watched = watchLoad(settings, logger);
  const tokens = createTokenCounter();
  const { defaultBudget } = settings;
  const once = {
    spool,
    recorder,
    masterKey,
    keys,
    counters: counting.counters,
    countersOf: (tenant: string) => counting.countersOf(tenant),
    ...(counting.together !== undefined && { together: counting.together }),
    tap,
    running: exchanges,
    upstreams,
    logger,
    metrics,
    now,
    defaultBudget,
  };
  const tenants = await loadTenants(db, {
    ...once,
    databases: databases.tenants,
    directory,
    openCounters: (tenant) => counting.openCounters(tenant),
  });
  const gateway: Gateway = {
    settings: {
      bodyBytesMax: settings.bodyBytesMax,
      bodyTimeoutMs: 60_000,
      drainsMax: settings.drainCallsMax,
      drainMs: settings.drainSeconds * 1_000,
      answerBytesMax: 256 * 1024 * 1024,
      failMode: settings.failMode,
    },
    identity: {
      ...place,
      auth: settings.auth,
      strict: settings.strictMode,
      isAdminKey: (text) => adminKey.matches(text),
      findKey: (text) => directory.find(text),
      tenantOfKey: (text) => directory.tenantOf(text),
    },
    limits: (at) => tenants.at(at).limits.snapshot,
    blocks: (at) => tenants.at(at).blocks.blocks.snapshot,
    anomalies: (at) => tenants.at(at).anomalies.monitor,
    policies: (at) => tenants.at(at).policies,
    providerKeys: (at) => tenants.at(at).providerKeys,
    countersOf: once.countersOf,
    prices,
    spool,
    tokens,
    profile: createOutputProfile(2),
    tap,
    ended: countingSpend((at) => tenants.at(at).anomalies, createObserver(logger, metrics)),
    failed: (error) => logger.error("a call failed in Tollhouse", { error: toError(error) }),
    now,
    exchanges,
    state: { closing: false, inFlight: 0, drains: 0 },
    load: watched.load,
    ...(counting.status !== null && { stale: () => counting.stale() }),
  };
  const settled = await counting.settleLeft(gateway, stores.calls);
  if (settled.length > 0)
    logger.warning("calls of a stopped process were settled at what they had reserved", { calls: settled.length });
  const turn = turnOf(settings, db, spool.node);
  const mine = (): boolean => turn.mine();
  const drained = (): Promise<void> => recorder.drained();
  const { heldAnywhere } = counting;
  const sdkParts = { gateway, upstreams, left: stores.checks, db, dbOf: databases.tenants.of, tenants, drained };
  const sdk = loadSdk({ ...sdkParts, heldAnywhere, mine });
  const reports = { dbOf: databases.tenants.of, keys, caughtUp: () => atMost(recorder.drained(), REPORT_WAIT_MS) };
  const live = new LiveEvents({
    dbOf: reports.dbOf,
    failed: (error) => logger.warning("what became new could not be looked at", { error: toError(error) }),
  });
  const ledger = keepLedger({ ...once, db, dbOf: reports.dbOf, settings, tenants, mine });
  let address = "";
  const { roles } = settings;
  const system: SystemParts = {
    node: { id: spool.node, name: nodeName, version: VERSION, startedMs: now() },
    roles,
    address: () => address,
    gateway,
    checks: sdk.checks,
    recorder,
    notSigned: () => ledger.checkpoints.trouble,
    spoolBytesMax: settings.spoolBytesMax,
    embedded: embedded !== null,
    db,
    waitingFor: () => waitingFor(gateway, counting),
    shared: counting.status,
  };
  const parts = {
    once,
    gateway,
    sdk,
    tenants,
    directory,
    adminKey,
    ledger,
    reports,
    live,
    settings,
    db,
    system,
  };
  const control = await loadControl(parts);
  const pages = createPages({
    version: VERSION,
    waitingFor: system.waitingFor,
    metrics: () => metrics.text(),
    metricsType: metrics.contentType,
    mayReadMetrics: createMetricsAccess(tenants, adminKey),
    address: () => address,
    openApi: openApiText,
    dashboard: loadDashboard(),
  });
  const server = createListener({
    gateway,
    findTarget: createTargetFinder(upstreams),
    control: roles.includes("control") ? control.handle : noControl(roles),
    noCalls: noCalls(roles),
    sdk: sdk.pages,
    pages: pagesOf(roles, pages),
    fallback: (upstreams.get("openai") as Upstream).adapter,
    connectionsMax: settings.connectionsMax,
  });
  const connections = countConnections(server);
  address = await listen(server, settings);
  await counting.begin({ gateway, checks: sdk.checks, tenants, address: () => address, mine });

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
        draining: () => {
          live.close();
          counting.drain();
        },
        graceMs: settings.shutdownGraceSeconds * 1_000,
        steps: [
          () => control.close(),
          () => sdk.close(),
          () => ledger.close(),
          () => turn.close(),
          ...[...upstreams.values()].map((upstream) => () => upstream.pool.destroy()),
          () => gateway.tokens.close(),
          () => directory.close(),
          () => counting.tellAll(),
          () => drainRecorder(recorder, logger),
          () => counting.close(recorder.lag().bytes === 0),
          () => recorder.stop(),
          () => spool.close(),
          () => Promise.resolve(stores.hold.release()),
          () => databases.close(),
          () => embedded?.stop() ?? Promise.resolve(),
          () => Promise.resolve(watched.close()),
          () => Promise.resolve(logger.close()),
        ],
      })),
  };
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

function turnOf({ roles, redisUrls }: Settings, db: OpenDatabase, node: string): JobTurn {
  const does = roles.includes("jobs");
  return does && redisUrls !== null ? takeTurns({ db, node }) : fixedTurn(does);
}

function waitingFor(gateway: Gateway, counting: Counting): string[] {
  if (gateway.state.closing) return ["shutdown"];
  const spool = gateway.spool.state().refusing === null ? [] : ["spool"];
  return [...spool, ...counting.waitingFor()];
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
    server.once("error", (error) => reject(notListening(error, settings)));
    server.listen(settings.port, settings.host, resolve);
  });
  const { port, family, address } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

/** Most of all another program, or another Tollhouse, on that port. */
function notListening(error: Error, { host, port }: Settings): Error {
  const what = `${host} port ${port} cannot be listened on (${"code" in error ? String(error.code) : error.message})`;
  return new StartRefused("ADDRESS_UNUSABLE", `${what}: free it, or name others by --host and --port`, error);
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
