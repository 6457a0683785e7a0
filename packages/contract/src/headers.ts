import type { Dimension } from "./dimensions.ts";

/** Request headers that carry identity, by precedence: ours first, then the aliases of those who switch. Lower case. */
export const DIMENSION_HEADERS: { readonly [D in Dimension]: readonly string[] } = {
  session: ["x-tollhouse-session", "x-session-id"],
  agent: ["x-tollhouse-agent", "x-tolvyn-agent"],
  feature: ["x-tollhouse-feature", "x-tolvyn-feature"],
  service: ["x-tollhouse-service", "x-tolvyn-service"],
  user: ["x-tollhouse-user", "x-user-id", "x-tolvyn-user"],
  team: ["x-tollhouse-team", "x-tolvyn-team"],
  customer: ["x-tollhouse-customer", "x-org-id", "x-tolvyn-customer"],
};

export const PLAN_HEADER = "x-tollhouse-plan";
export const INCLUDE_COST_HEADER = "x-tollhouse-include-cost";

/** Response headers. */
export const DECISION_HEADER = "x-tollhouse-decision";
export const BUDGET_HEADER = "x-tollhouse-budget";
/** Of a call that was admitted while its limits could not be read: what the node may spend meanwhile, and what is left of it. */
export const ALLOWANCE_HEADER = "x-tollhouse-allowance";
export const COST_HEADER = "x-tollhouse-cost";
export const REASON_HEADER = "x-tollhouse-reason";
export const OUTPUT_LIMIT_HEADER = "x-tollhouse-output-limit";
/** The model that serves the call in place of the one it asked for: a policy named a cheaper one. */
export const MODEL_HEADER = "x-tollhouse-model";
export const IGNORED_HEADER = "x-tollhouse-ignored";
/** Of the key's rates (docs/adr/0009): `-requests` and `-tokens` follow, as in OpenAI's own, which pass through beside them. */
export const RATE_LIMIT_HEADERS = {
  /** A minute's worth. */
  limit: "x-tollhouse-ratelimit-limit-",
  /** What fits now. */
  remaining: "x-tollhouse-ratelimit-remaining-",
  /** Seconds until the limit fits again as a whole. */
  reset: "x-tollhouse-ratelimit-reset-",
} as const;
