import type { ServerResponse } from "node:http";
import {
  CODES,
  DECISION_HEADER,
  REASON_HEADER,
  BUDGET_HEADER,
  type LimitState,
  type Measure,
  type ReasonCode,
} from "@tollhouse/contract";
import { formatNano, usdNumber } from "@tollhouse/engine";
import type { ProviderAdapter, Refusal } from "@tollhouse/providers";
import type { CounterState, Refused, Uncounted } from "@tollhouse/store";

export interface RefusalInput {
  readonly code: ReasonCode;
  readonly decision: string;
  readonly message: string;
  readonly param?: string | null;
  /** The limit that refused, with the amount that did not fit. */
  readonly by?: Pick<Refused, "by" | "required"> | null;
  /** The anomaly rule that refused, and whose calls it had counted. */
  readonly anomaly?: { readonly rule: string; readonly scope: string };
  /** Was the request sent already? Then a retry could be billed twice, and none is invited. */
  readonly sent?: boolean;
  /** Seconds: for codes whose retry is `soon`, and for a block that ends by itself. null = longer than a client should be told to wait. */
  readonly retryAfter?: number | null;
}

const EXCEEDED: { readonly [M in Measure]: ReasonCode } = {
  usd: "BUDGET_EXCEEDED",
  tokens: "TOKEN_LIMIT_EXCEEDED",
  requests: "REQUEST_LIMIT_EXCEEDED",
};

export function exceededCode(measure: Measure): ReasonCode {
  return EXCEEDED[measure];
}

export function exceededMessage(state: CounterState, required: bigint): string {
  const left = remainingOf(state);
  switch (state.limit.measure) {
    case "usd":
      return `Budget exceeded. Remaining: ${dollars(left)}, Required: ${dollars(required)}`;
    case "tokens":
      return `Token limit exceeded. Remaining: ${left}, Required: ${required}`;
    case "requests":
      return `Request limit exceeded. Remaining: ${left}, Required: ${required}`;
  }
}

export function buildRefusal(input: RefusalInput): Refusal {
  const row = CODES[input.code];
  const state = input.by?.by ?? null;
  return {
    code: input.code,
    row,
    message: input.message,
    param: input.param ?? null,
    budgetInfo:
      state !== null && state.limit.measure === "usd"
        ? {
            budget: usdNumber(state.limit.amount),
            spent: usdNumber(state.settled),
            remaining: usdNumber(remainingOf(state)),
          }
        : null,
    tollhouse: {
      allowed: false,
      reason_code: input.code,
      decision_id: `dec_${input.decision}`,
      ...(input.anomaly !== undefined && { anomaly: input.anomaly }),
      ...(state !== null && {
        limit: {
          id: state.limit.id,
          scope: state.limit.scope,
          measure: state.limit.measure,
          window: state.limit.window,
          mode: state.limit.mode,
        },
        limit_state: {
          limit: formatMeasure(state.limit.amount, state.limit.measure),
          ...limitState(state),
        },
      }),
      retry_after:
        input.sent === true
          ? null
          : input.retryAfter !== undefined
            ? input.retryAfter
            : row.retry === "soon"
              ? 1
              : null,
    },
  };
}

/** The id of the limit, or of the anomaly rule, that refused; null = neither did. */
export function deciderOf({ tollhouse }: Refusal): string | null {
  const limit = tollhouse["limit"] as { readonly id: string } | undefined;
  return limit?.id ?? (tollhouse["anomaly"] as RefusalInput["anomaly"])?.rule ?? null;
}

/** Answers a call that was refused before its first byte, in the client's own dialect. */
export function sendRefusal(res: ServerResponse, adapter: ProviderAdapter, refusal: Refusal, decision: string): void {
  const body = adapter.refusalBody(refusal);
  res.writeHead(refusal.row.status, refusalHeaders(refusal, decision, body.length));
  if (res.req.complete) res.end(body);
  else endAfterRequest(res, body);
}

const LINGER_MS = 5_000;
const LINGER_BYTES_MAX = 256 * 1024 * 1024;

/**
 * The client is still sending. Closing now would reset the connection, and a client that writes its whole body before it reads
 * would see the reset and not the reason (and send it all again): the rest is read and thrown away, within bounds, before the close.
 */
export function endAfterRequest(res: ServerResponse, body: Buffer): void {
  const { req } = res;
  let left = LINGER_BYTES_MAX;
  const timer = setTimeout(end, LINGER_MS);
  function end(): void {
    clearTimeout(timer);
    res.end();
  }
  res.write(body);
  req.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) end();
  });
  req.once("end", end);
  req.once("close", end);
  req.resume();
}

export function refusalHeaders(refusal: Refusal, decision: string, length: number): Record<string, string | number> {
  const headers: Record<string, string | number> = {
    "content-type": "application/json; charset=utf-8",
    "content-length": length,
    [DECISION_HEADER]: `dec_${decision}`,
    [REASON_HEADER]: refusal.code,
  };
  // Official clients retry 408, 409, 429 and 5xx unless told not to, and some sleep for whatever retry-after says.
  const retryAfter = refusal.tollhouse["retry_after"];
  if (typeof retryAfter === "number") headers["retry-after"] = Math.min(60, Math.max(1, Math.ceil(retryAfter)));
  else headers["x-should-retry"] = "false";
  const limit = refusal.tollhouse["limit"] as { scope: string } | undefined;
  const state = refusal.tollhouse["limit_state"] as LimitState | undefined;
  if (limit !== undefined && state !== undefined)
    headers[BUDGET_HEADER] = budgetHeader(limit.scope, state.remaining, state.resets_at);
  return headers;
}

/** What the node may spend without its calls being counted, and what is left of it. */
export function allowanceHeader({ left, of }: Pick<Uncounted, "left" | "of">): string {
  return `remaining=${formatNano(left)}; of=${formatNano(of)}`;
}

/** `scope=agent:sdr; remaining=2.500000000; reset=2026-12-01T00:00:00.000Z`. */
export function budgetHeader(scope: string, remaining: string, resetsAt: string | null): string {
  const plain = /^[\x21-\x7e ]*$/.test(scope) && !scope.includes(";");
  // Half a pair has no UTF-8, and encodeURIComponent throws on it.
  const safe = plain ? scope : encodeURIComponent(scope.toWellFormed());
  return `scope=${safe}; remaining=${remaining}; reset=${resetsAt ?? "never"}`;
}

export function remainingOf(state: CounterState): bigint {
  const left = state.limit.amount - state.settled - state.reserved;
  return left > 0n ? left : 0n;
}

export function limitState(state: CounterState): LimitState {
  const { measure } = state.limit;
  return {
    settled: formatMeasure(state.settled, measure),
    reserved: formatMeasure(state.reserved, measure),
    remaining: formatMeasure(remainingOf(state), measure),
    resets_at: resetsAt(state),
  };
}

/** Windows end at few instants, and every answer says one: a Date for each would cost 0.6 µs. */
const END_TEXTS = new Map<number, string>();
const END_TEXTS_MAX = 256;

/** RFC 3339 in UTC; null = the window does not end. */
export function resetsAt({ window: { endMs } }: CounterState): string | null {
  if (!Number.isFinite(endMs)) return null;
  const known = END_TEXTS.get(endMs);
  if (known !== undefined) return known;
  const text = new Date(endMs).toISOString();
  if (END_TEXTS.size >= END_TEXTS_MAX) END_TEXTS.clear();
  END_TEXTS.set(endMs, text);
  return text;
}

export function formatMeasure(amount: bigint, measure: Measure): string {
  return measure === "usd" ? formatNano(amount) : amount.toString();
}

/** `$2.50`; below a cent as many places as it takes (`$0.0000375`). */
export function dollars(nano: bigint): string {
  const text = formatNano(nano).replace(/0+$/, "");
  const [whole, places = ""] = text.split(".");
  return `$${whole}.${places.padEnd(2, "0")}`;
}
