import { randomUUIDv7 } from "node:crypto";
import {
  ANOMALY_RULES_MAX,
  anomalyRuleProblem,
  type AnomalyKind,
  type AnomalyRuleAnswer,
  type AnomalyRuleCreate,
  type AnomalyRuleUpdate,
} from "@tollhouse/contract";
import { formatNano, parseUsd, parseWhole, type AnomalyRule } from "@tollhouse/engine";
import {
  deleteAnomalyRule,
  insertAnomalyRule,
  listAnomalyRules,
  updateAnomalyRule,
  type AdminRecord,
  type Database,
  type Queryable,
  type Spool,
} from "@tollhouse/store";
import { assertMatch, type IfMatch } from "../control/etag.ts";
import { Problem } from "../control/problem.ts";
import type { AnomalyMonitor } from "./anomaly-monitor.ts";

export interface AnomalyServiceParts {
  readonly db: Database;
  readonly spool: Pick<Spool, "append">;
  readonly monitor: AnomalyMonitor;
  readonly tenant: string;
  readonly environment: string;
  /** Those stored. */
  readonly first: readonly AnomalyRule[];
  now(): number;
}

interface Change {
  readonly actor: string;
  readonly before: AnomalyRule | null;
  readonly after: AnomalyRule | null;
}

/** Anomaly rules of one environment: the only code that changes which are in force. */
export class AnomalyService {
  readonly #parts: AnomalyServiceParts;
  readonly #rules = new Map<string, AnomalyRule>();
  /** Changes run one after another: each starts from the rules that the one before it left. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: AnomalyServiceParts) {
    this.#parts = parts;
    for (const rule of parts.first) this.#putInForce(rule.id, rule);
  }

  get monitor(): AnomalyMonitor {
    return this.#parts.monitor;
  }

  /** By id: the oldest first. */
  list(): AnomalyRuleAnswer[] {
    const rules = [...this.#rules.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    return rules.map((rule) => this.#answer(rule));
  }

  get(id: string): AnomalyRuleAnswer {
    return this.#answer(this.#find(id));
  }

  /** In the ledger's spool, in the database and in force when this resolves. It counts what comes from now on. */
  create(input: AnomalyRuleCreate, actor: string): Promise<AnomalyRuleAnswer> {
    return this.#inTurn(async () => {
      if (this.#rules.size >= ANOMALY_RULES_MAX)
        throw new Problem(
          "REQUEST_INVALID",
          `An environment has at most ${ANOMALY_RULES_MAX} anomaly rules: change one, or delete one first`,
        );
      const rule: AnomalyRule = {
        id: `anr_${randomUUIDv7().replaceAll("-", "")}`,
        kind: input.kind,
        per: input.per,
        threshold: parseThreshold(input.kind, input.threshold),
        windowSeconds: input.window_seconds,
        action: input.action,
        freezeSeconds: input.freeze_seconds ?? null,
        version: 1,
      };
      await this.#change({ actor, before: null, after: rule }, () =>
        insertAnomalyRule(this.#parts.db, this.#parts, rule),
      );
      return this.#answer(rule);
    });
  }

  update(id: string, input: AnomalyRuleUpdate, actor: string, ifMatch: IfMatch = null): Promise<AnomalyRuleAnswer> {
    return this.#inTurn(async () => {
      const old = this.#find(id);
      assertMatch(ifMatch, id, old.version);
      if (input.version !== undefined && input.version !== old.version)
        throw new Problem("VERSION_CONFLICT", `${id} is at version ${old.version}, not ${input.version}`);
      const rule = changed(old, input);
      await this.#change({ actor, before: old, after: rule }, () =>
        updateAnomalyRule(this.#parts.db, this.#parts, rule),
      );
      return this.#answer(rule);
    });
  }

  /** Sessions that it froze stay frozen. */
  remove(id: string, actor: string, ifMatch: IfMatch = null): Promise<void> {
    return this.#inTurn(async () => {
      const old = this.#find(id);
      assertMatch(ifMatch, id, old.version);
      await this.#change({ actor, before: old, after: null }, () =>
        deleteAnomalyRule(this.#parts.db, this.#parts, old),
      );
    });
  }

  /** All of them as the database has them now, whichever process changed them. What a rule has counted stays. */
  refresh(from: Queryable): Promise<void> {
    return this.#inTurn(async () => {
      const stored = await listAnomalyRules(from, this.#parts);
      const ids = new Set(stored.map(({ id }) => id));
      for (const id of this.#rules.keys()) if (!ids.has(id)) this.#putInForce(id, null);
      for (const rule of stored)
        if (this.#rules.get(rule.id)?.version !== rule.version) this.#putInForce(rule.id, rule);
    });
  }

  /** Ledger first, then the database, then in force. What the database refuses was never made, and the ledger says so too. */
  async #change(change: Change, store: () => Promise<void>): Promise<void> {
    const { actor, before, after } = change;
    await this.#record(change);
    try {
      await store();
    } catch (error) {
      await this.#record({ actor, before: after, after: before });
      throw error;
    }
    this.#putInForce((after ?? before)!.id, after);
  }

  #putInForce(id: string, rule: AnomalyRule | null): void {
    if (rule === null) {
      this.#rules.delete(id);
      this.monitor.drop(id);
    } else {
      this.#rules.set(id, rule);
      this.monitor.put(rule);
    }
  }

  #find(id: string): AnomalyRule {
    const rule = this.#rules.get(id);
    if (rule === undefined) throw new Problem("NOT_FOUND", `There is no anomaly rule ${id.slice(0, 64)}`);
    return rule;
  }

  #answer(rule: AnomalyRule): AnomalyRuleAnswer {
    return { ...describe(rule), triggered: this.monitor.triggered(rule.id) };
  }

  #record({ actor, before, after }: Change): Promise<void> {
    const { tenant, environment, spool } = this.#parts;
    const done = before === null ? "create" : after === null ? "delete" : "update";
    const record: AdminRecord = {
      t: "admin",
      id: randomUUIDv7().replaceAll("-", ""),
      timeMs: this.#parts.now(),
      tenant,
      environment,
      actor,
      action: `anomaly_rule.${done}`,
      subject: (after ?? before)!.id,
      before: before === null ? null : JSON.stringify(describe(before)),
      after: after === null ? null : JSON.stringify(describe(after)),
    };
    return spool.append(record);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** Throws a Problem where the rule as a whole would be none. */
function changed(old: AnomalyRule, input: AnomalyRuleUpdate): AnomalyRule {
  const { kind, per } = old;
  const action = input.action ?? old.action;
  // A rule that no longer freezes has no time for it; one that is said all the same is refused.
  const kept = action === "freeze" ? old.freezeSeconds : null;
  const freezeSeconds = input.freeze_seconds === undefined ? kept : input.freeze_seconds;
  const windowSeconds = input.window_seconds ?? old.windowSeconds;
  const threshold = input.threshold ?? formatThreshold(old);
  const wrong = anomalyRuleProblem({
    kind,
    per,
    threshold,
    action,
    window_seconds: windowSeconds,
    freeze_seconds: freezeSeconds,
  });
  if (wrong !== null) throw new Problem("REQUEST_INVALID", `${wrong.field}: ${wrong.problem}`, [wrong]);
  return {
    ...old,
    threshold: parseThreshold(kind, threshold),
    windowSeconds,
    action,
    freezeSeconds,
    version: old.version + 1,
  };
}

function parseThreshold(kind: AnomalyKind, text: string): bigint {
  return kind === "velocity" ? parseUsd(text, "threshold") : parseWhole(text, "threshold");
}

function formatThreshold({ kind, threshold }: AnomalyRule): string {
  return kind === "velocity" ? formatNano(threshold) : threshold.toString();
}

function describe(rule: AnomalyRule): Omit<AnomalyRuleAnswer, "triggered"> {
  return {
    id: rule.id,
    kind: rule.kind,
    per: rule.per,
    threshold: formatThreshold(rule),
    window_seconds: rule.windowSeconds,
    action: rule.action,
    freeze_seconds: rule.freezeSeconds,
    version: rule.version,
  };
}
