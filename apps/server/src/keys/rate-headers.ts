import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { RATE_LIMIT_HEADERS } from "@tollhouse/contract";
import type { ConsideredCall } from "../gateway/considered-call.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { SmoothedRate } from "./smoothed-rate.ts";

/** What a caller is told of the rates that it is held to; nothing of those it does not have. */
export interface Rates {
  readonly requests: SmoothedRate | null;
  readonly tokens: SmoothedRate | null;
}

const { limit, remaining, reset } = RATE_LIMIT_HEADERS;

/** On every answer to a key that has rates, as they stand once the call was counted or refused. */
export function tellRates(gateway: Gateway, { identity: { grant } }: ConsideredCall, res: ServerResponse): void {
  if (grant === null || (grant.requests === null && grant.tokens === null)) return;
  for (const [name, value] of Object.entries(rateHeaders(grant, gateway.now()))) res.setHeader(name, value as number);
}

export function rateHeaders({ requests, tokens }: Rates, nowMs: number): OutgoingHttpHeaders {
  return {
    ...(requests !== null && headersOf(requests, "requests", nowMs)),
    ...(tokens !== null && headersOf(tokens, "tokens", nowMs)),
  };
}

function headersOf(rate: SmoothedRate, what: "requests" | "tokens", nowMs: number): OutgoingHttpHeaders {
  return {
    [limit + what]: rate.perMinute,
    [remaining + what]: rate.remaining(nowMs),
    [reset + what]: Math.ceil(rate.resetMs(nowMs) / 1_000),
  };
}
