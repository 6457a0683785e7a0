import type { Limit } from "../limits/limit.ts";
import { scopeValue } from "./policy-limits.ts";
import { blocked, type DecidedBy, NOT_SET, type Rule } from "./rule.ts";

/** Step 1 as policies see it: a hard limit on something that the call does not name could be left by not naming it. */
export const identityRule: Rule = {
  step: 1,
  name: "identity",
  look: ({ call, resolution, facts }) => {
    if (call === null || facts.free) return NOT_SET;
    const hard = resolution.limits.filter(({ value }) => value.mode === "hard");
    if (hard.length === 0) return NOT_SET;
    const missing = hard.find(({ scope }) => scopeValue(scope, call) === null);
    if (missing === undefined)
      return { outcome: "passed", by: hard.map(({ giver }) => ({ setting: "limits", giver })) };
    return blocked({
      code: "IDENTITY_REQUIRED",
      message: `A policy limits each ${missing.scope}: the call must say its ${missing.scope}`,
      decidedBy: { setting: "limits", giver: missing.giver },
    });
  },
};

/** Step 7. A model without a price must not slip past a budget as if it cost nothing. */
export const priceRule: Rule = {
  step: 7,
  name: "price",
  look: ({ facts, priceKnown, limits, resolution }) => {
    const ofPolicy = resolution.limits.find(({ value }) => isHardBudget(value));
    const by: readonly DecidedBy[] = ofPolicy === undefined ? [] : [{ setting: "limits", giver: ofPolicy.giver }];
    if (facts.free || (ofPolicy === undefined && !limits.some(isHardBudget))) return NOT_SET;
    if (priceKnown) return { outcome: "passed", by };
    return blocked({
      code: "PRICE_UNKNOWN",
      message: `No price is known for model ${facts.model}, and a hard budget applies: give the model a price, or remove the budget`,
      ...(by[0] === undefined ? {} : { decidedBy: by[0] }),
    });
  },
};

export function isHardBudget(limit: Pick<Limit, "mode" | "measure">): boolean {
  return limit.mode === "hard" && limit.measure === "usd";
}
