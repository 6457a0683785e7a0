import { randomUUIDv7 } from "node:crypto";
import { outputTokensOf, type Usage, type UsageReport, type UsageSource } from "@tollhouse/contract";
import { formatNano, freePriceRow, rateReport } from "@tollhouse/engine";
import { SpoolUnavailable, type UsageRecord } from "@tollhouse/store";
import type { Gateway } from "../gateway/gateway.ts";
import type { Identity } from "../gateway/identify.ts";
import { profileKey } from "../gateway/reserve-call.ts";
import { policyFields } from "../policies/policy-decision.ts";
import { countUsage, releaseCheck } from "./count-usage.ts";
import type { OpenCheck } from "./open-checks.ts";
import type { SealedPayload } from "./payload-service.ts";
import { isUnbilled, type RecordedCall, type RecordParts } from "./read-record.ts";
import { reportOf } from "./read-usage.ts";
import { wrong } from "./spellings.ts";

export interface RecordAnswer {
  readonly recorded: true;
  /** The call's: of an open check its own, else one that this record was given. */
  readonly decision_id: string;
  readonly outcome: "settled" | "released";
  readonly cost: string | null;
  readonly usage: Usage | null;
  readonly usage_source: UsageSource;
  readonly doubt: string | null;
  /** Did it end a check that was still open? null = it names none. */
  readonly confirmed: boolean | null;
  readonly payload: "stored" | "not_stored";
  readonly ignored: readonly string[];
}

interface Measured {
  readonly end: "settled" | "released";
  readonly usage: Usage;
  readonly source: UsageSource;
  readonly cost: bigint | null;
  /** What limits are counted by. */
  readonly charged: bigint;
  readonly doubt: string | null;
  readonly report: UsageReport | null;
}

/** A million dollars. No call costs that. */
const COST_MAX = 1_000_000n * 1_000_000_000n;

/**
 * Records it: cost, counters, the end of its check, entry and answer. All of that is done in one turn, so that nothing can come between;
 * resolves when it survives a kill. Usage has happened: it is never refused for a limit. Throws SpoolUnavailable where it cannot be
 * kept, and then nothing was done.
 */
export async function recordUsage(
  parts: RecordParts,
  call: RecordedCall,
  names: readonly string[],
  body: string,
  payload: SealedPayload | null,
): Promise<string> {
  const { gateway } = parts;
  const refusing = gateway.spool.state().refusing;
  if (refusing !== null) throw new SpoolUnavailable(refusing);
  const measured = measure(parts, call);
  const { check } = call;
  const decision = check?.decision ?? randomUUIDv7().replaceAll("-", "");
  const settled = measured.end === "settled";
  if (!settled) releaseCheck(parts, check);
  const answer = JSON.stringify(answerFor(call, check, decision, measured, payload));
  const record: UsageRecord = {
    ...recordOf(gateway, call, check, measured, decision),
    counters: settled ? countUsage(parts, call, { ...measured, decision }) : [],
    once: names.map((name) => ({ name, body, answer })),
    ...(payload !== null && { payload: payload(decision) }),
  };
  const written = gateway.spool.append(record);
  tell(gateway, call, record, measured);
  await written;
  return answer;
}

function measure({ gateway, adapterOf }: RecordParts, call: RecordedCall): Measured {
  const { answer, said, check, facts } = call;
  const adapter = adapterOf(call.provider);
  if (answer === null) {
    if (isUnbilled(said, adapter))
      return { end: "released", usage: {}, source: "reported", cost: 0n, charged: 0n, doubt: null, report: null };
    if (check === null) throw wrong("usage", "expected the provider's usage object");
    const usage: Usage = { output: Number(check.tokens) };
    const doubt = "the provider did not say what was used: settled at what was reserved";
    return { ...atReserved(check), end: "settled", usage, source: "estimated", doubt, report: null };
  }
  const report = reportOf(adapter, facts, answer);
  if (report === null) throw wrong("usage", "expected the provider's usage object, with its counts of tokens");
  const cost = costOf(gateway, call, report);
  if (cost !== null && (cost < 0n || cost > COST_MAX))
    throw wrong("usage", "expected a usage of less than a million dollars");
  const reported = { end: "settled", usage: report.usage, report } as const;
  if (cost !== null || check === null)
    return { ...reported, source: "reported", cost, charged: cost ?? 0n, doubt: report.doubt };
  const doubt = report.doubt ?? "a class or tier of the answer has no price: settled at what was reserved";
  return { ...reported, ...atReserved(check), source: "estimated", doubt };
}

/** Where no price is known, nothing can be said: unknown, and not what was reserved. */
function atReserved({ call, usd }: OpenCheck): Pick<Measured, "cost" | "charged"> {
  return { cost: call.priced ? usd : null, charged: usd };
}

function costOf(gateway: Gateway, { provider, facts, atMs }: RecordedCall, report: UsageReport): bigint | null {
  if (report.costNano !== null) return report.costNano;
  if (facts.free) return rateReport(report, facts, freePriceRow(provider));
  const served = report.model ?? facts.model;
  const row = gateway.prices.find(provider, served, atMs) ?? gateway.prices.find(provider, facts.model, atMs);
  return row === null ? null : rateReport(report, facts, row);
}

function placeOf({ tenant, environment }: Identity): { tenant: string; environment: string } {
  return { tenant, environment };
}

function recordOf(
  gateway: Gateway,
  call: RecordedCall,
  check: OpenCheck | null,
  measured: Measured,
  decision: string,
): Omit<UsageRecord, "counters" | "once"> {
  const { identity, said, facts } = call;
  const { report } = measured;
  return {
    t: "usage",
    decision,
    timeMs: call.atMs,
    recordedMs: gateway.now(),
    ...placeOf(identity),
    provider: call.provider,
    model: call.model,
    endpoint: facts.endpoint,
    dimensions: identity.dimensions,
    key: identity.key,
    end: measured.end,
    status: said.status ?? null,
    usage: measured.usage,
    source: measured.source,
    cost: measured.cost === null ? null : measured.cost.toString(),
    priceVersion: measured.cost === null ? null : gateway.prices.version,
    servedModel: clip(report?.model ?? null),
    tier: clip(report?.tier ?? null),
    providerId: clip(report?.providerId ?? said.response_id ?? null),
    doubt: measured.doubt?.slice(0, 1_024) ?? null,
    latencyMs: said.latency_ms ?? null,
    ...(check !== null && policyFields(check.call)),
    ends: check !== null,
    check: check === null ? (said.decision_id?.slice(4) ?? null) : null,
  };
}

/** A provider's texts are bounded before they become fields of a ledger entry. */
function clip(text: string | null): string | null {
  return text === null || text.length <= 256 ? text : text.slice(0, 256);
}

function answerFor(
  { said, identity }: RecordedCall,
  check: OpenCheck | null,
  decision: string,
  measured: Measured,
  payload: SealedPayload | null,
): RecordAnswer {
  return {
    recorded: true,
    decision_id: `dec_${decision}`,
    outcome: measured.end,
    cost: measured.cost === null ? null : formatNano(measured.cost),
    usage: measured.end === "released" ? null : measured.usage,
    usage_source: measured.source,
    doubt: measured.doubt,
    confirmed: said.decision_id === undefined ? null : check !== null,
    payload: payload === null ? "not_stored" : "stored",
    ignored: identity.ignored,
  };
}

/** The log line and the metrics, and what such calls usually make. */
function tell(gateway: Gateway, call: RecordedCall, record: UsageRecord, measured: Measured): void {
  const { identity, check, facts } = call;
  const latencyMs = record.latencyMs ?? 0;
  const output = outputTokensOf(measured.usage);
  if (measured.source === "reported" && output > 0)
    gateway.profile.learn(profileKey({ identity, facts }), output, latencyMs);
  gateway.ended({
    ...placeOf(identity),
    decision: record.decision,
    timeMs: record.recordedMs,
    dimensions: identity.dimensions,
    provider: call.provider,
    model: call.model,
    outcome: measured.end,
    reason: null,
    status: record.status,
    estimatedCost: check?.usd ?? null,
    cost: measured.cost,
    usage: measured.usage,
    source: measured.source,
    latencyMs,
    overheadMs: 0,
    doubt: measured.doubt,
  });
}
