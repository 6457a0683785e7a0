import { formatNano } from "../money/amount.ts";
import { type Given, isClampForbidden } from "./resolve.ts";
import { blocked, type Finding, NOT_SET, passed, type Rule, type RuleInput } from "./rule.ts";

/** Fewer output tokens a choice are no answer: the call is refused. The same number as for an exhausted limit (ADR 1). */
const OUTPUT_TOKENS_MIN = 16;

/**
 * Step 6. A call that names no output cap could use all that its model can make; refusing it for that would refuse nearly every
 * call, so it goes with the cap that fits, unless a policy forbids that. Whoever asks for too much by name is refused.
 */
export const CAP_RULES: readonly Rule[] = [
  { step: 6, name: "cost", look: unlessFree(lookAtCost) },
  { step: 6, name: "input_tokens", look: unlessFree(lookAtInput) },
  { step: 6, name: "output_tokens", look: unlessFree(lookAtOutput) },
];

/** Listing models or counting tokens uses no model. */
function unlessFree(look: Rule["look"]): Rule["look"] {
  return (input) => (input.facts.free ? NOT_SET : look(input));
}

function lookAtCost(input: RuleInput): Finding {
  const { call, bounds } = input;
  const given = input.resolution.values["caps.cost"] ?? [];
  const least = lowest(given);
  if (call === null || least === null) return NOT_SET;
  const cost = input.priceKnown ? call.estimatedCost : null;
  if (cost !== null && cost <= least.value) return passed("caps.cost", given);
  const outputLimit = cost === null ? null : clamp(input, affordable(input, least.value));
  if (outputLimit !== null) return { ...passed("caps.cost", given), outputLimit };
  const most = `one call may cost at most ${dollars(least.value)}`;
  return blocked({
    code: "REQUEST_COST_CAP",
    message:
      cost === null
        ? `What the call can cost at most is not known, and ${most}`
        : `The call could cost ${dollars(cost)}, and ${most}: send less, or name a lower output cap`,
    decidedBy: { setting: "caps.cost", giver: least.giver },
    recount: cost !== null && !bounds.inputExact,
  });
}

function lookAtInput({ call, resolution, bounds }: RuleInput): Finding {
  const given = resolution.values["caps.input_tokens"] ?? [];
  const least = lowest(given);
  if (call === null || least === null) return NOT_SET;
  // Written so that NaN is too much.
  if (call.inputTokens <= least.value) return passed("caps.input_tokens", given);
  return blocked({
    code: "REQUEST_TOKEN_CAP",
    message: `The call could have ${count(call.inputTokens)} input tokens, and one call may have at most ${least.value}`,
    decidedBy: { setting: "caps.input_tokens", giver: least.giver },
    recount: !bounds.inputExact,
  });
}

function lookAtOutput(input: RuleInput): Finding {
  const { call } = input;
  const given = input.resolution.values["caps.output_tokens"] ?? [];
  const least = lowest(given);
  if (call === null || least === null) return NOT_SET;
  if (call.outputTokens <= least.value) return passed("caps.output_tokens", given);
  const outputLimit = clamp(input, least.value);
  if (outputLimit !== null) return { ...passed("caps.output_tokens", given), outputLimit };
  return blocked({
    code: "REQUEST_TOKEN_CAP",
    message: `The call could have ${count(call.outputTokens)} output tokens, and one call may have at most ${least.value}: name a lower output cap`,
    decidedBy: { setting: "caps.output_tokens", giver: least.giver },
  });
}

/** The cap the call can go with; null = it must be refused. */
function clamp({ facts, bounds, resolution }: RuleInput, tokens: number | null): number | null {
  if (tokens === null || facts.outputTokensMax !== null || !bounds.cappable || isClampForbidden(resolution))
    return null;
  return tokens >= OUTPUT_TOKENS_MIN * facts.choices ? tokens : null;
}

/** Output tokens that the cap pays for beside the input. */
function affordable({ bounds: { inputUsd, outputPico } }: RuleInput, cap: bigint): number | null {
  if (inputUsd === null || outputPico === null || outputPico <= 0n || inputUsd > cap) return null;
  const tokens = ((cap - inputUsd) * 1_000n) / outputPico;
  return tokens > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(tokens);
}

function lowest<V extends bigint | number>(given: readonly Given<V>[]): Given<V> | null {
  let least: Given<V> | null = null;
  for (const one of given) if (least === null || one.value < least.value) least = one;
  return least;
}

/** As people write it: `$0.50`, with more places only where they say something. */
function dollars(nano: bigint): string {
  return `$${formatNano(nano).replace(/0{1,7}$/, "")}`;
}

function count(tokens: number): string {
  return Number.isFinite(tokens) ? `up to ${tokens}` : "any number of";
}
