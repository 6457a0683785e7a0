import { USAGE_CLASSES } from "@tollhouse/contract";
import type { AnomalyAction, AnomalyKind, ReasonCode, Usage } from "@tollhouse/contract";
import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import { createHistogram } from "./histogram.ts";
import type { NodeLimit } from "./node-limits.ts";
import { createSeries } from "./series.ts";
import type { Series, SeriesEntry } from "./series.ts";

/** How a call ended. `blocked`: refused before anything was sent. */
export type CallOutcome = "settled" | "released" | "blocked";

export interface CallMeasured {
  readonly provider: string;
  readonly model: string;
  readonly outcome: CallOutcome;
  readonly reasonCode: ReasonCode | null;
  readonly usage: Usage;
  /** Nano-dollars; null = unknown: counted as such, and not as 0. */
  readonly costNano: bigint | null;
  /** What was settled above what was reserved, nano-dollars; 0 = nothing. */
  readonly overrunNano: bigint;
  readonly overheadMs: number;
}

export interface Gauges {
  callsInFlight(): number;
  /** Sum of pending reservations, nano-dollars. */
  reservedNano(): bigint;
  spoolBytes(): number;
  /** Every queue and bound of the node. */
  nodeLimits(): readonly NodeLimit[];
  /** What the spool holds and the database does not. */
  recorderLag(): { readonly bytes: number; readonly records: number };
  /** Chains whose head could not be signed when it was last tried here. */
  chainsNotSigned(): number;
}

export interface Metrics {
  callEnded(call: CallMeasured): void;
  /** A refusal that is no call: a path that does not exist, a body that is too large. */
  refused(reasonCode: ReasonCode): void;
  /** A call triggered an anomaly rule. */
  anomalySeen(kind: AnomalyKind, action: AnomalyAction): void;
  /** An anomaly rule forgot a scope before its time, because too many are remembered. */
  anomalyScopeEvicted(): void;
  /** Values read at each scrape. The last ones given count. */
  watch(gauges: Gauges): void;
  readonly contentType: string;
  /** Prometheus text exposition format 0.0.4. */
  text(): Promise<string>;
}

export interface MetricsOptions {
  /** Configured providers; any other is reported as `other`. */
  readonly providers: readonly string[];
  /**
   * Is this model *exactly* in the price book? Any other is reported as `other`: the name is the client's, and a prefix that
   * matches would let it make as many series as it likes.
   */
  readonly isKnownModel: (provider: string, model: string) => boolean;
}

/** Label sets per metric. Reached only by an installation that really uses this many models. */
const ENTRIES_MAX = 2_000;
const NANO_PER_USD = 1e9;
const OVERHEAD_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

/** What a model adds to on every call, looked up once. Tokens by position in USAGE_CLASSES, null until used. */
interface ModelEntries {
  readonly provider: string;
  readonly model: string;
  readonly cost: SeriesEntry<bigint>;
  readonly usage: (SeriesEntry<number> | null)[];
}

export function createMetrics({ providers, isKnownModel }: MetricsOptions): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const calls = counter(registry, "tollhouse_calls_total", "Calls by how they ended", [
    "provider",
    "outcome",
    "reason_code",
  ]);
  const usage = counter(registry, "tollhouse_usage_total", "Units used, by class (tokens, calls, images, seconds)", [
    "provider",
    "model",
    "class",
  ]);
  const cost = moneyCounter(registry, "tollhouse_cost_usd_total", "Cost of settled calls", ["provider", "model"]);
  const unknownCost = counter(registry, "tollhouse_cost_unknown_calls_total", "Settled calls whose cost is not known", [
    "provider",
  ]);
  const refusals = counter(registry, "tollhouse_refusals_total", "Requests refused, calls or not", ["reason_code"]);
  const overruns = counter(registry, "tollhouse_overruns_total", "Calls settled above what was reserved", ["provider"]);
  const overrunUsd = moneyCounter(
    registry,
    "tollhouse_overrun_usd_total",
    "Sum of what was settled above the reserved",
    ["provider"],
  );
  const anomalies = counter(registry, "tollhouse_anomalies_total", "Calls that triggered an anomaly rule", [
    "kind",
    "action",
  ]);
  const evicted = counter(
    registry,
    "tollhouse_anomaly_scopes_evicted_total",
    "Scopes that an anomaly rule forgot before its window ended, because too many are remembered",
    [],
  );
  const observeOverhead = createHistogram(registry, {
    name: "tollhouse_overhead_seconds",
    help: "Time a call spent in Tollhouse itself",
    buckets: OVERHEAD_SECONDS,
  });
  let gauges: Gauges | null = null;
  gauge(registry, "tollhouse_calls_in_flight", "Calls that have not ended", () => gauges?.callsInFlight());
  gauge(registry, "tollhouse_reserved_usd", "Sum of pending reservations", () => usd(gauges?.reservedNano()));
  gauge(registry, "tollhouse_spool_bytes", "Size of the spool", () => gauges?.spoolBytes());
  gauge(registry, "tollhouse_recorder_lag_bytes", "Spooled and not in the database", () => gauges?.recorderLag().bytes);
  gauge(
    registry,
    "tollhouse_recorder_lag_records",
    "Spooled and not in the database",
    () => gauges?.recorderLag().records,
  );

  gauge(
    registry,
    "tollhouse_ledger_chains_not_signed",
    "Ledgers whose checkpoint could not be signed when it was last tried here",
    () => gauges?.chainsNotSigned(),
  );
  perLimit(registry, "tollhouse_node_limit", "Most that this node holds of it", () => gauges, "max");
  perLimit(registry, "tollhouse_node_limit_used", "What this node holds of it", () => gauges, "used");

  const knownProviders = new Set(providers);
  const models = new Map<string, Map<string, ModelEntries>>();
  let remembered = 0;

  function entriesOf(provider: string, model: string): ModelEntries {
    const known = models.get(provider)?.get(model);
    if (known !== undefined) return known;
    const providerLabel = knownProviders.has(provider) ? provider : "other";
    const room = remembered < ENTRIES_MAX && providerLabel !== "other";
    const modelLabel = room && isKnownModel(provider, model) ? model : "other";
    if (providerLabel === provider && modelLabel === model) return remember(provider, model);
    // `other` of each provider is kept as well; a client's own name never is.
    return models.get(providerLabel)?.get(modelLabel) ?? remember(providerLabel, modelLabel);
  }

  function remember(provider: string, model: string): ModelEntries {
    const made = { provider, model, cost: cost.entry([provider, model]), usage: USAGE_CLASSES.map(() => null) };
    remembered += 1;
    const ofProvider = models.get(provider) ?? new Map<string, ModelEntries>();
    models.set(provider, ofProvider.set(model, made));
    return made;
  }

  function addUsage(entries: ModelEntries, used: Usage): void {
    for (let at = 0; at < USAGE_CLASSES.length; at++) {
      const name = USAGE_CLASSES[at];
      const units = name === undefined ? undefined : used[name];
      if (name === undefined || units === undefined || units === 0) continue;
      const entry = (entries.usage[at] ??= usage.entry([entries.provider, entries.model, name]));
      entry.total += units;
    }
  }

  return {
    callEnded(call) {
      const entries = entriesOf(call.provider, call.model);
      const provider = entries.provider;
      calls.add([provider, call.outcome, call.reasonCode ?? ""], 1);
      observeOverhead(call.overheadMs / 1_000);
      if (call.outcome === "blocked") {
        if (call.reasonCode !== null) refusals.add([call.reasonCode], 1);
        return;
      }
      addUsage(entries, call.usage);
      if (call.costNano !== null) entries.cost.total += call.costNano;
      else unknownCost.add([provider], 1);
      if (call.overrunNano > 0n) {
        overruns.add([provider], 1);
        overrunUsd.add([provider], call.overrunNano);
      }
    },
    refused: (reasonCode) => refusals.add([reasonCode], 1),
    anomalySeen: (kind, action) => anomalies.add([kind, action], 1),
    anomalyScopeEvicted: () => evicted.add([], 1),
    watch(given) {
      gauges = given;
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}

/** Prometheus has only doubles: converted here, at the very edge, and nothing is computed from it. */
function usd(nano: bigint | undefined): number | undefined {
  return nano === undefined ? undefined : Number(nano) / NANO_PER_USD;
}

function expose<T extends number | bigint>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[],
  series: Series<T>,
): Series<T> {
  const metric = new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, total } of series.entries()) {
        const value: number = typeof total === "bigint" ? Number(total) / NANO_PER_USD : Number(total);
        this.inc(Object.fromEntries(labelNames.map((label, at) => [label, labels[at] ?? ""])), value);
      }
    },
  });
  metric.reset();
  return series;
}

function counter(registry: Registry, name: string, help: string, labels: readonly string[]): Series<number> {
  return expose(registry, name, help, labels, createSeries(0, ENTRIES_MAX));
}

function moneyCounter(registry: Registry, name: string, help: string, labels: readonly string[]): Series<bigint> {
  return expose(registry, name, `${help}, US dollars`, labels, createSeries(0n, ENTRIES_MAX));
}

function perLimit(
  registry: Registry,
  name: string,
  help: string,
  gauges: () => Gauges | null,
  read: "used" | "max",
): void {
  const metric = new Gauge({
    name,
    help,
    labelNames: ["name"],
    registers: [registry],
    collect() {
      this.reset();
      for (const limit of gauges()?.nodeLimits() ?? []) this.set({ name: limit.name }, limit[read]);
    },
  });
  metric.reset();
}

/** A value that is not there yet is left out: a gauge of 0 would say that nothing is reserved. */
function gauge(registry: Registry, name: string, help: string, read: () => number | undefined): void {
  const metric = new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      const value = read();
      if (value === undefined) this.remove();
      else this.set(value);
    },
  });
  metric.remove();
}
