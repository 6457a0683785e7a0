import { deriveKey, listAnomalyRules, type Database, type Spool } from "@tollhouse/store";
import type { BlockServices } from "../blocks/load-block-services.ts";
import { Problem } from "../control/problem.ts";
import type { EndedCall } from "../gateway/ended-call.ts";
import type { Place } from "../place.ts";
import type { Logger } from "../process/logger.ts";
import type { Metrics } from "../process/metrics.ts";
import { reasonOf } from "./anomaly-answer.ts";
import { AnomalyMonitor, type AnomalySeen } from "./anomaly-monitor.ts";
import { AnomalyService } from "./anomaly-service.ts";
import { createFingerprint } from "./fingerprint.ts";

export interface AnomalyServicesParts {
  readonly db: Database;
  readonly spool: Spool;
  readonly masterKey: Uint8Array;
  readonly tenant: string;
  readonly environments: readonly string[];
  /** What freezes a session. */
  readonly blocksOf: (place: Place) => BlockServices;
  readonly logger: Pick<Logger, "warning" | "error">;
  readonly metrics: Pick<Metrics, "anomalySeen" | "anomalyScopeEvicted">;
  now(): number;
}

/** Of an environment. Measured: 350 bytes each, so 70 MB where all of them are in use. */
const SCOPES_MAX = 200_000;

/** The anomaly rules of each environment; to be awaited before the port opens, so that no call goes past them. */
export async function loadAnomalyServices(parts: AnomalyServicesParts): Promise<(place: Place) => AnomalyService> {
  const services = new Map<string, AnomalyService>();
  for (const environment of parts.environments)
    services.set(environment, await loadAnomalyService(parts, { tenant: parts.tenant, environment }));
  return ({ tenant, environment }) => {
    const service = tenant === parts.tenant ? services.get(environment) : undefined;
    if (service === undefined)
      throw new Problem("REQUEST_INVALID", `environment: expected one of ${parts.environments.join(", ")}`);
    return service;
  };
}

/** Spend is counted where a call is told to have ended, whichever way it came in. */
export function countingSpend(
  anomaliesOf: (place: Place) => AnomalyService,
  ended: (call: EndedCall) => void,
): (call: EndedCall) => void {
  return (call) => {
    anomaliesOf(call).monitor.ended(call);
    ended(call);
  };
}

async function loadAnomalyService(parts: AnomalyServicesParts, place: Place): Promise<AnomalyService> {
  const { blocks } = parts.blocksOf(place);
  const monitor = new AnomalyMonitor({
    fingerprint: createFingerprint(deriveKey(parts.masterKey, "anomaly-fingerprint", place.tenant)),
    scopesMax: SCOPES_MAX,
    freeze: async (session, rule) => {
      const { freezeSeconds } = rule;
      const expiry = freezeSeconds === null ? {} : { expires_in: freezeSeconds };
      await blocks.freeze(session, { ...expiry, reason: reasonOf(rule) }, `anomaly-rule:${rule.id}`);
    },
    seen: (seen) => tell(parts, place, seen),
    evicted: () => parts.metrics.anomalyScopeEvicted(),
    failed: (error) =>
      parts.logger.error("an anomaly rule could not freeze a session; its calls are refused all the same", {
        error: error instanceof Error ? error : new Error(String(error)),
      }),
    now: () => parts.now(),
  });
  const first = await listAnomalyRules(parts.db, place);
  return new AnomalyService({ ...parts, ...place, monitor, first });
}

/** Each call is counted; a line is written for the first of a scope within a window, or a loop would fill the log. */
function tell(
  { logger, metrics }: AnomalyServicesParts,
  place: Place,
  { rule, scope, call, fresh }: AnomalySeen,
): void {
  metrics.anomalySeen(rule.kind, rule.action);
  if (!fresh) return;
  logger.warning("an anomaly rule was triggered", {
    rule: rule.id,
    kind: rule.kind,
    action: rule.action,
    scope,
    decision_id: `dec_${call.decision}`,
    tenant: place.tenant,
    environment: place.environment,
  });
}
