import type { UpstreamRequest } from "@tollhouse/providers";
import type { Call } from "./call.ts";

/**
 * Some OpenAI-compatible hosts refuse `stream_options`, which the client never sent. The words alone prove nothing (an error may
 * quote the client): that it was the reason shows only when the request goes through without them.
 */
export function refusesStreamOptions({ reservation, facts, target }: Call, status: number, body: Buffer): boolean {
  if (status !== 400 || reservation.edit.includeUsage !== true || facts.usageAsked) return false;
  return !target.upstream.refusesStreamOptions && body.includes("stream_options");
}

/** The same request, not asking for usage: its output is counted instead. */
export function requestWithoutUsage({ route, raw, reservation, target }: Call): UpstreamRequest {
  const edit = { ...reservation.edit, includeUsage: false };
  return target.upstream.adapter.editRequest(route, JSON.parse(raw.toString("utf8")), raw, edit);
}
