import type { CallFacts, Measure } from "@tollhouse/contract";
import { windowAt, type Limit, type PolicyCall } from "@tollhouse/engine";
import type { LimitSeen } from "@tollhouse/ledger";
import type { RecordedCall } from "./recorded-call.ts";

// What an entry says of a call, as the rules of the engine ask for it.

/** Is this the limit, on the same counter, that an entry names? It names the end of a window, and not its zone. */
export function isSeen(seen: LimitSeen, { scope, measure, window, timeZone }: Limit, timeMs: number): boolean {
  if (seen.measure !== measure || seen.window !== window || scope.split(":", 1)[0] !== seen.scope) return false;
  if (window === "rolling_24h" || seen.endsUs === null) return true;
  return BigInt(windowAt(window, timeZone, timeMs).endMs) * 1000n === seen.endsUs;
}

/** Are the numbers known that a cap is held against? */
export function isKnown({ end, usage, cost }: RecordedCall, rule: string): boolean {
  return end === "settled" && (rule === "cost" ? cost !== null : usage !== null);
}

/** What a call takes of a limit, in its unit. */
export interface Need {
  readonly least: bigint;
  /** null: not known. */
  readonly most: bigint | null;
}

export function needOf(call: RecordedCall, of: PolicyCall, measure: Measure): Need {
  if (measure === "requests") return { least: 1n, most: 1n };
  if (call.refusedBy?.measure === measure && call.required !== null)
    return { least: call.required, most: call.required };
  if (call.end !== "settled")
    return { least: 1n, most: measure === "usd" && call.reserved > 0n ? call.reserved : null };
  if (measure === "usd") {
    const used = of.model === call.model ? call.used.usd : (of.estimatedCost ?? call.used.usd);
    return { least: used, most: used };
  }
  return { least: call.used.tokens, most: call.usage === null ? null : call.used.tokens };
}

/** As far as rules look at them. The output cap is what was used, so that nothing is said to be cut short instead of refused. */
export function factsOf({ model, endpoint, inputTokens, outputTokens }: PolicyCall): CallFacts {
  return {
    endpoint,
    model,
    stream: false,
    usageAsked: false,
    inputTokensMax: inputTokens,
    inputImageTokensMax: 0,
    inputAudioTokensMax: 0,
    inputHidden: false,
    outputTokensMax: outputTokens,
    choices: 1,
    outputHidden: false,
    outputHiddenMax: null,
    outputAudio: false,
    outputImage: false,
    tier: null,
    geo: null,
    cacheWrite: null,
    unitsMax: {},
    streamable: false,
    free: endpoint === "moderations",
  };
}
