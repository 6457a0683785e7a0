import type { DecisionAttempt, DecisionPrice, DecisionPriceLine } from "@tollhouse/contract";
import { formatPico, parseUsd, picoOf, ratedLines, type PriceBook, type RatedLine } from "@tollhouse/engine";
import type { EntryFields } from "@tollhouse/ledger";
import type { CallAnswer } from "@tollhouse/store";

/** The one try at the provider, as its entry tells it. */
export function attemptOf(call: CallAnswer, isRecorded: boolean, fields: EntryFields): DecisionAttempt {
  return {
    by: isRecorded ? "client" : "gateway",
    provider: call.provider,
    served_model: fields.servedModel ?? null,
    tier: fields.tier ?? null,
    status: call.status,
    provider_id: fields.providerId ?? null,
    latency_ms: call.latency_ms,
  };
}

/** Found again only in the very book that priced it: another could have another row. */
export function priceOf(call: CallAnswer, fields: EntryFields, prices: PriceBook): DecisionPrice | null {
  const { priceVersion: version, servedModel, tier = null, geo = null } = fields;
  if (version === undefined) return null;
  if (version !== prices.version || call.provider === null) return { version, row: null, lines: null };
  const { provider, usage, cost } = call;
  const atMs = Date.parse(call.time);
  const find = (model: string | null) => (model === null ? null : prices.find(provider, model, atMs));
  // As it was rated: a model that answered and has no row costs what the one that was asked for does.
  const row = find(servedModel ?? null) ?? find(call.model);
  const lines =
    row === null || usage === null || cost === null ? null : ratedLines(usage, row, { tier, geo }, parseUsd(cost));
  return { version, row: row?.id ?? null, lines: lines?.map(lineOf) ?? null };
}

function lineOf(line: RatedLine): DecisionPriceLine {
  const { usageClass, units, pico, factor } = line;
  return {
    class: usageClass,
    units,
    price: pico.toString(),
    factor: `${factor.numerator}/${factor.denominator}`,
    amount: formatPico(picoOf(line)),
  };
}
