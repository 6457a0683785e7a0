import type { AnomalyKind, ReasonCode } from "@tollhouse/contract";
import type { AnomalyRule, AnomalyWatch, Triggered } from "@tollhouse/engine";
import { dollars, type RefusalInput } from "../gateway/refusal.ts";

/** A rule that a call triggered, and by which value of its dimension. */
export interface Met {
  readonly watch: AnomalyWatch;
  readonly value: string;
  readonly triggered: Triggered;
}

const CODES: { readonly [K in AnomalyKind]: ReasonCode } = {
  loop: "LOOP_DETECTED",
  burst: "REQUEST_BURST",
  velocity: "SPEND_VELOCITY",
};

/** Official clients sleep for whatever `retry-after` says: a longer wait is told in words alone. */
const RETRY_AFTER_S_MAX = 60;

/** Names the rule and the scope, which the caller itself carries, and nothing of any other. */
export function refusalOf(
  { watch: { rule }, value, triggered }: Met,
  session: string | undefined,
): Omit<RefusalInput, "decision"> {
  const scope = `${rule.per}:${value}`;
  const frozen =
    rule.action === "freeze" && session !== undefined ? `; session:${session} is frozen${untilOf(rule)}` : "";
  return {
    code: CODES[rule.kind],
    message: `${whatOf(rule, scope, triggered.sum)} (anomaly rule ${rule.id})${frozen}`,
    anomaly: { rule: rule.id, scope },
    retryAfter:
      frozen === "" ? toldSeconds(triggered.waitMs) : toldSeconds(rule.kind === "loop" ? null : freezeMsOf(rule)),
  };
}

/** For operators and the ledger: names no user. */
export function reasonOf(rule: AnomalyRule): string {
  return `anomaly rule ${rule.id}: ${whatOf(rule, `the ${rule.per}`, null)}`;
}

function whatOf(rule: AnomalyRule, scope: string, sum: bigint | null): string {
  const window = `within ${rule.windowSeconds} s`;
  switch (rule.kind) {
    case "loop":
      return `${scope} made the same request ${sum ?? rule.threshold} times in a row ${window}`;
    case "burst":
      return `${scope} made ${sum ?? rule.threshold} requests ${window}`;
    case "velocity":
      return sum === null
        ? `${scope} reached ${dollars(rule.threshold)} a minute ${window}`
        : `${scope} spent, with what is open, ${dollars(sum)} ${window}; that is ${dollars(rule.threshold)} a minute or more`;
  }
}

function untilOf({ freezeSeconds }: AnomalyRule): string {
  return freezeSeconds === null ? "" : ` for ${freezeSeconds} s`;
}

function freezeMsOf({ freezeSeconds }: AnomalyRule): number | null {
  return freezeSeconds === null ? null : freezeSeconds * 1_000;
}

function toldSeconds(ms: number | null): number | null {
  const seconds = ms === null ? Infinity : Math.max(1, Math.ceil(ms / 1_000));
  return seconds <= RETRY_AFTER_S_MAX ? seconds : null;
}
