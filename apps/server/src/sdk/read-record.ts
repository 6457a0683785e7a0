import type { CallFacts, SdkRecord } from "@tollhouse/contract";
import type { ProviderAdapter } from "@tollhouse/providers";
import type { Gateway } from "../gateway/gateway.ts";
import type { Identity } from "../gateway/identify.ts";
import type { AdapterOf } from "./adapters.ts";
import type { OpenCheck, OpenChecks } from "./open-checks.ts";
import { answerOf, type SaidAnswer } from "./read-usage.ts";
import { sdkFacts, usualEndpoint } from "./sdk-facts.ts";
import { wrong } from "./spellings.ts";

export interface RecordParts {
  readonly gateway: Gateway;
  readonly adapterOf: AdapterOf;
  readonly checks: OpenChecks;
}

/** What is recorded, once it is known whose it is and what it says. */
export interface RecordedCall {
  readonly identity: Identity;
  readonly said: SdkRecord;
  readonly provider: string;
  readonly model: string;
  readonly atMs: number;
  readonly check: OpenCheck | null;
  /** The answer of the provider; null = it did not say what was used. */
  readonly answer: SaidAnswer | null;
  readonly facts: CallFacts;
}

/** A record that says when may say so a day later: counters of windows that ended are in memory for no longer. */
const LATE_MAX_MS = 24 * 3_600_000;
const AHEAD_MAX_MS = 5 * 60_000;

/** Whose usage it is, and of what; throws a Problem that names the field where that cannot be said. */
export function readRecord(
  parts: RecordParts,
  identity: Identity,
  said: SdkRecord,
  elsewhere: OpenCheck | null = null,
): RecordedCall {
  const { gateway, adapterOf } = parts;
  const open = elsewhere !== null && elsewhere.expiresMs > gateway.now() ? elsewhere : null;
  const check = openCheckOf(parts, identity, said) ?? open;
  // What an expired one was for still says what its late record is of.
  const asked = check ?? expiredCheckOf(parts, identity, said) ?? elsewhere;
  const provider = agreed("provider", said.provider, asked?.call.provider);
  const model = said.model ?? asked?.call.facts.model;
  if (model === undefined) throw wrong("model", "expected the model that was called");
  const adapter = adapterOf(provider);
  const answer = answerOf(said, adapter);
  const endpoint = said.endpoint ?? asked?.call.facts.endpoint ?? answer?.endpoint ?? usualEndpoint(adapter.dialect);
  // What a client forgot to send is not what a provider did not say.
  if (answer === null && !isUnbilled(said, adapter) && (said.usage !== null || check === null))
    throw wrong(
      "usage",
      `expected the provider's usage object${check === null ? "" : ", or null where it did not say"}`,
    );
  return {
    identity: asked === null ? identity : agreedIdentity(identity, asked),
    said,
    provider,
    model,
    atMs: check?.call.startedMs ?? timeOf(said, gateway.now()),
    check,
    answer,
    facts: sdkFacts({
      endpoint: answer !== null && said.endpoint === undefined ? answer.endpoint : endpoint,
      model,
      inputTokensMax: 0,
      outputTokensMax: null,
      tier: said.service_tier ?? null,
    }),
  };
}

/** The check that a record names, where it is open. Those of others do not exist for whoever names them. */
export function openCheckOf({ checks }: RecordParts, identity: Identity, said: SdkRecord): OpenCheck | null {
  const check = said.decision_id === undefined ? undefined : checks.get(said.decision_id.slice(4));
  return ofPlace(check, identity);
}

/** Is the check that a record names one that this node has made, and that held? */
export function isOwnCheck(parts: RecordParts, identity: Identity, said: SdkRecord): boolean {
  return (openCheckOf(parts, identity, said) ?? expiredCheckOf(parts, identity, said)) !== null;
}

function expiredCheckOf({ checks }: RecordParts, identity: Identity, said: SdkRecord): OpenCheck | null {
  const check = said.decision_id === undefined ? undefined : checks.expired(said.decision_id.slice(4));
  return ofPlace(check, identity);
}

function ofPlace(check: OpenCheck | undefined, identity: Identity): OpenCheck | null {
  if (check === undefined) return null;
  const { tenant, environment } = check.call.identity;
  return tenant === identity.tenant && environment === identity.environment ? check : null;
}

function agreed(field: string, said: string | undefined, checked: string | undefined): string {
  if (said !== undefined && checked !== undefined && said !== checked)
    throw wrong(field, `expected ${checked}, which the check was for`);
  const value = said ?? checked;
  if (value === undefined) throw wrong(field, "expected the provider that was called");
  return value;
}

/** The call is its check's; a record may repeat whose it is, and not change it. */
function agreedIdentity(identity: Identity, { call: { identity: checked } }: OpenCheck): Identity {
  for (const [name, value] of Object.entries(identity.dimensions))
    if (checked.dimensions[name as keyof typeof checked.dimensions] !== value)
      throw wrong(name, "expected the same as in the check, or none");
  return { ...checked, ignored: identity.ignored };
}

function timeOf(said: SdkRecord, nowMs: number): number {
  if (said.timestamp === undefined) return nowMs;
  const atMs = Date.parse(said.timestamp);
  if (atMs > nowMs + AHEAD_MAX_MS) throw wrong("timestamp", "expected a time that is not in the future");
  if (atMs < nowMs - LATE_MAX_MS) throw wrong("timestamp", "expected a time within the last 24 hours");
  return Math.min(atMs, nowMs);
}

/** Did the provider refuse it in a way that is certainly not billed? */
export function isUnbilled({ status }: SdkRecord, adapter: ProviderAdapter): boolean {
  return status !== undefined && status >= 400 && adapter.unbilled(status);
}
