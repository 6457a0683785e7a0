import type { UsageSource } from "@tollhouse/contract";
import { rate, rateReport } from "@tollhouse/engine";
import type { Call } from "./call.ts";
import type { Gateway } from "./gateway.ts";
import type { Measured } from "./measure-usage.ts";
import type { End } from "./settle-call.ts";

export interface Priced {
  readonly cost: bigint | null;
  /** What the counters are settled by. */
  readonly charged: bigint;
  readonly doubt: string | null;
  /** Of the amount: a reported usage that cannot be rated leaves an estimate. */
  readonly source: UsageSource;
}

/** A cost that cannot be rated stands at what was reserved; where nothing could be (no price at all), it is unknown. */
export function priceUsage(gateway: Gateway, call: Call, end: End, measured: Measured): Priced {
  const report = end.report ?? end.partial;
  const doubt = report?.doubt ?? doubtOf(call, end);
  const { facts, provider, startedMs, price, reservation } = call;
  const { source } = measured;
  if (end.report !== null && end.report.costNano !== null)
    return { cost: end.report.costNano, charged: end.report.costNano, doubt, source };
  // Priced by what the answer says served it (model, tier, place); where it is silent, by what was asked for.
  const servedModel = report?.model ?? facts.model;
  const row =
    servedModel === facts.model || facts.free
      ? price
      : (gateway.prices.find(provider, servedModel, startedMs) ?? price);
  const cost =
    row === null
      ? null
      : end.report === null
        ? rate(measured.usage, row, { tier: report?.tier ?? facts.tier, geo: report?.geo ?? facts.geo })
        : rateReport(end.report, facts, row);
  if (cost !== null) return { cost, charged: cost, doubt, source };
  if (!call.priced) return { cost: null, charged: 0n, doubt, source };
  return {
    source: "estimated",
    cost: reservation.usd,
    charged: reservation.usd,
    doubt: doubt ?? "a class or tier of the answer has no price: settled at what was reserved",
  };
}

function doubtOf(call: Call, end: End): string | null {
  if (end.report !== null || call.estimate.bounded) return null;
  return `used without bound, and not reported: ${call.estimate.unboundedUnits.join(", ")}`;
}
