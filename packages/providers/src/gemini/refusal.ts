import type { Refusal, Route } from "../adapter.ts";
import { streamsAsArray } from "./route.ts";

/** The shape of a Google API error, so that the official client raises its ApiError with the status. */
export function refusalBody(refusal: Refusal): Buffer {
  return Buffer.from(errorJson(refusal));
}

/**
 * A chunk that is an error: the official client raises ApiError for it, and takes a stream that just ends for success.
 * In a JSON array it is the last element; `begun` says whether an element went out before it (the meter hands on whole
 * elements only, so there are no other cases).
 */
export function cutFrame(route: Route, refusal: Refusal, begun = true): Buffer {
  const json = errorJson(refusal);
  if (!streamsAsArray(route)) return Buffer.from(`data: ${json}\r\n\r\n`);
  return Buffer.from(`${begun ? ",\r\n" : "["}${json}\r\n]`);
}

function errorJson({ code, row, message, param, budgetInfo, tollhouse }: Refusal): string {
  return JSON.stringify({
    error: {
      code: row.status,
      message,
      status: row.gemini,
      details: [
        {
          "@type": "type.googleapis.com/google.rpc.ErrorInfo",
          reason: code,
          domain: "tollhouse",
          ...(param !== null && { metadata: { param } }),
        },
      ],
      ...(budgetInfo !== null && { budget_info: budgetInfo }),
    },
    tollhouse,
  });
}

/**
 * "If your request fails with a 400 or 500 error, you won't be charged for the tokens used" (Gemini API, billing), taken
 * for the refusals beside them too: 4xx, and 503 (no capacity). Not certain: 408, 499 and 504 (given up on while the model
 * ran, which Google charges for when a client does it) and 502 (a proxy's, which does not know).
 */
export function unbilled(status: number): boolean {
  if (status === 500 || status === 503) return true;
  return status >= 400 && status < 500 && status !== 408 && status !== 499;
}
