import { sliceAmounts } from "@tollhouse/engine";
import type { ConsideredCall } from "../gateway/considered-call.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { RefusalInput } from "../gateway/refusal.ts";
import { profileKey } from "../gateway/reserve-call.ts";
import type { KeyGrant } from "./key-grant.ts";

/** Official clients sleep for whatever `retry-after` says: a longer wait is told in words alone. */
const RETRY_AFTER_S_MAX = 60;

type Blocked = Omit<RefusalInput, "decision">;

/** Steps 4 and 5 of a decision, as far as they are the key's own: its rates, then the models it may use. Counts the call. */
export function keyRules(gateway: Gateway, call: ConsideredCall): Blocked | null {
  const { grant } = call.identity;
  if (grant === null) return null;
  return countRates(gateway, call, grant) ?? modelNotAllowed(call, grant);
}

/** What the call really used, in place of what was counted for it; 0 where it used nothing. */
export function correctTokenRate(gateway: Gateway, call: ConsideredCall, used: number): void {
  // A call that was refused before anybody knew whose it is.
  const tokens = (call.identity as ConsideredCall["identity"] | null)?.grant?.tokens ?? null;
  if (tokens === null || used === call.rateTokens) return;
  tokens.add(used - call.rateTokens, gateway.now());
  call.rateTokens = used;
}

/** Both rates are looked at before either counts: what one refuses must not use up the other. */
function countRates(gateway: Gateway, call: ConsideredCall, { requests, tokens }: KeyGrant): Blocked | null {
  if (requests === null && tokens === null) return null;
  const nowMs = gateway.now();
  const amount = call.facts.free ? 0 : tokensExpected(gateway, call);
  const wait = requests?.waitMs(1, nowMs) ?? 0;
  if (wait > 0) return rateLimited("requests", requests?.perMinute ?? 0, wait);
  const tokenWait = tokens === null || amount === 0 ? 0 : tokens.waitMs(amount, nowMs);
  if (tokenWait > 0) return rateLimited("tokens", tokens?.perMinute ?? 0, tokenWait);
  requests?.add(1, nowMs);
  tokens?.add(amount, nowMs);
  if (tokens !== null) call.rateTokens = amount;
  return null;
}

/**
 * The bound of the input, and as much output as such calls usually make: by the bound of the output (16,384 tokens where a client of
 * gpt-4o-mini names none) a key of 20,000 a minute could make one call. Longer answers are counted when they are known.
 */
function tokensExpected(gateway: Gateway, call: ConsideredCall): number {
  const { estimate, facts } = call;
  const output = estimate.hiddenTokensMax + gateway.profile.slice(profileKey(call)) * facts.choices;
  return Number(sliceAmounts(estimate, Math.min(estimate.outputTokensMax, output)).tokens);
}

function rateLimited(what: "requests" | "tokens", perMinute: number, waitMs: number): Blocked {
  const seconds = Math.ceil(waitMs / 1_000);
  return {
    code: "RATE_LIMITED",
    message: `The key's rate of ${perMinute} ${what} a minute is reached; it fits again in ${seconds} s`,
    retryAfter: seconds <= RETRY_AFTER_S_MAX ? seconds : null,
  };
}

/** Every model that may serve the call is looked at: a fallback is no way around the list. */
export function modelNotAllowed({ facts }: ConsideredCall, { models }: KeyGrant): Blocked | null {
  if (models === null || facts.model === "") return null;
  const refused = [facts.model, ...(facts.otherModels ?? [])].find((model) => !models.matches(model));
  if (refused === undefined) return null;
  return { code: "MODEL_NOT_ALLOWED", message: `The key may not use the model ${refused}`, param: "model" };
}
