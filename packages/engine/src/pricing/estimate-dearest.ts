import type { CallFacts } from "@tollhouse/contract";
import { estimate, type Estimate } from "./estimate.ts";
import type { PriceRow } from "./price-row.ts";
import { SERVED_STANDARD, type Served } from "./served.ts";

/**
 * What a call can cost at most when the request lets the provider choose between models (`CallFacts.otherModels`): each figure is
 * that of the row where it is highest, so the bound holds whichever model serves. `rows` has at least one row, the asked
 * model's first. Null = one of the models has no bound.
 */
export function estimateDearest(
  facts: CallFacts,
  rows: readonly PriceRow[],
  exactInputTokens: number | null,
  unnamed: Served = SERVED_STANDARD,
): Estimate | null {
  let dearest: Estimate | null = null;
  for (const row of rows) {
    const next = estimate(facts, row, exactInputTokens, unnamed);
    if (next === null) return null;
    dearest = dearest === null ? next : dearer(dearest, next);
  }
  return dearest;
}

function dearer(left: Estimate, right: Estimate): Estimate {
  return {
    inputUsd: most(left.inputUsd, right.inputUsd),
    unitsUsd: most(left.unitsUsd, right.unitsUsd),
    inputTokens: most(left.inputTokens, right.inputTokens),
    outputPico: most(left.outputPico, right.outputPico),
    outputTokensMax: Math.max(left.outputTokensMax, right.outputTokensMax),
    hiddenTokensMax: Math.max(left.hiddenTokensMax, right.hiddenTokensMax),
    bounded: left.bounded && right.bounded,
    unboundedUnits: [...new Set([...left.unboundedUnits, ...right.unboundedUnits])],
    unboundedUnitUsd: most(left.unboundedUnitUsd, right.unboundedUnitUsd),
  };
}

function most(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}
