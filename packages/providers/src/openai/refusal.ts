import type { Refusal, Route } from "../adapter.ts";

/** `error.type` and `error.code` are what the official clients put on their typed error. */
function errorOf(refusal: Refusal): Record<string, unknown> {
  return {
    message: refusal.message,
    type: refusal.row.openai,
    code: refusal.code,
    param: refusal.param,
    ...(refusal.budgetInfo === null ? {} : { budget_info: refusal.budgetInfo }),
  };
}

/** Body of a refusal before the first byte: product.md §3. */
export function refusalBody(refusal: Refusal): Buffer {
  return Buffer.from(JSON.stringify({ error: errorOf(refusal), tollhouse: refusal.tollhouse }));
}

/**
 * Last frame of a stream that Tollhouse cuts. Measured with the official clients: a chunk with `error` raises in chat
 * completions; Responses raise on `event: error` (a `response.failed` would be handed out like any other event). No `[DONE]`
 * follows: whatever comes after it is not read, and a clean end would look like success.
 */
export function cutFrame(route: Route, refusal: Refusal): Buffer {
  const error = errorOf(refusal);
  if (route.endpoint !== "responses")
    return Buffer.from(`data: ${JSON.stringify({ error, tollhouse: refusal.tollhouse })}\n\n`);
  // The documented event has its fields on top; clients that look for `error` (as in chat) find them there.
  const { message, code, param } = error;
  const event = { type: "error", code, message, param, sequence_number: 0, error, tollhouse: refusal.tollhouse };
  return Buffer.from(`event: error\ndata: ${JSON.stringify(event)}\n\n`);
}

/**
 * Statuses that a host gives before a model runs: the request was refused at the door (4xx), or there was nobody to run it
 * (501, 503, 529). Not certain: 408 and 499 (it ran until somebody gave up), 500, 502, 504 and the like (it may have run and
 * failed on the way back), and anything that is no error. Azure may bill a 400 of its content filter; reconciliation shows it.
 */
export function unbilled(status: number): boolean {
  if (status === 501 || status === 503 || status === 529) return true;
  return status >= 400 && status < 500 && status !== 408 && status !== 499;
}
