import type { AnomalyAction, AnomalyKind, AnomalyPer } from "@tollhouse/contract";
import type { AnomalyRule } from "@tollhouse/engine";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { LimitPlace } from "../reports/limit-store.ts";

interface AnomalyRuleRow {
  readonly id: string;
  readonly kind: AnomalyKind;
  readonly per: AnomalyPer;
  readonly threshold: bigint;
  readonly window_seconds: number;
  readonly action: AnomalyAction;
  readonly freeze_seconds: number | null;
  readonly version: number;
}

/** The rule is gone, or at another version than the one that was read. */
export class AnomalyRuleNotChanged extends Error {
  override readonly name = "AnomalyRuleNotChanged";
}

export async function insertAnomalyRule(db: Queryable, place: LimitPlace, rule: AnomalyRule): Promise<void> {
  await db.query(sql("insert-anomaly-rule"), [...valuesOf(place, rule), rule.kind, rule.per]);
}

/** Stores `rule` over the version before its own. Throws AnomalyRuleNotChanged. */
export async function updateAnomalyRule(db: Queryable, place: LimitPlace, rule: AnomalyRule): Promise<void> {
  const { rows } = await db.query(sql("update-anomaly-rule"), valuesOf(place, rule));
  if (rows.length === 0) throw new AnomalyRuleNotChanged(`${rule.id} is not at version ${rule.version - 1}`);
}

/** Deletes the rule in this very version. Throws AnomalyRuleNotChanged. */
export async function deleteAnomalyRule(db: Queryable, place: LimitPlace, rule: AnomalyRule): Promise<void> {
  const { rows } = await db.query(sql("delete-anomaly-rule"), [place.tenant, place.environment, rule.id, rule.version]);
  if (rows.length === 0) throw new AnomalyRuleNotChanged(`${rule.id} is not at version ${rule.version}`);
}

/** By id: the oldest first. An environment has few (ANOMALY_RULES_MAX). */
export async function listAnomalyRules(db: Queryable, place: LimitPlace): Promise<AnomalyRule[]> {
  const { rows } = await db.query<AnomalyRuleRow>(sql("anomaly-rules"), [place.tenant, place.environment]);
  return rows.map(({ window_seconds: windowSeconds, freeze_seconds: freezeSeconds, ...row }) => ({
    ...row,
    windowSeconds,
    freezeSeconds,
  }));
}

function valuesOf(place: LimitPlace, rule: AnomalyRule): unknown[] {
  const { id, threshold, windowSeconds, action, freezeSeconds, version } = rule;
  return [place.tenant, place.environment, id, threshold, windowSeconds, action, freezeSeconds, version];
}
