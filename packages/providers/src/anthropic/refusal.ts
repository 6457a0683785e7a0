import type { Refusal, Route } from "../adapter.ts";

/** The shape of an Anthropic error, so that the official client raises its typed one. `request_id` is the provider's: none. */
export function refusalBody(refusal: Refusal): Buffer {
  return Buffer.from(errorJson(refusal));
}

/**
 * `event: error`: the official client raises with the error's type. Without the `event:` line it would drop the frame,
 * and a stream that just ends looks like success to it.
 */
export function cutFrame(_route: Route, refusal: Refusal): Buffer {
  return Buffer.from(`event: error\ndata: ${errorJson(refusal)}\n\n`);
}

function errorJson({ code, row, message, param, budgetInfo, tollhouse }: Refusal): string {
  return JSON.stringify({
    type: "error",
    error: {
      type: row.anthropic,
      message,
      details: { error_code: code, ...(param !== null && { param }) },
      ...(budgetInfo !== null && { budget_info: budgetInfo }),
    },
    request_id: null,
    tollhouse,
  });
}

/**
 * Refused before the model ran: 4xx, 503 and 529 (no capacity). Not certain: 408 and 499 (given up on while it ran), 504
 * (timed out while it ran), 500 and 502 (may come after generation; Anthropic publishes no promise for them).
 */
export function unbilled(status: number): boolean {
  if (status === 503 || status === 529) return true;
  return status >= 400 && status < 500 && status !== 408 && status !== 499;
}
