import type { Route, UpstreamEdit, UpstreamRequest } from "../adapter.ts";
import { editTopLevel } from "../json-edit.ts";
import type { JsonEdit } from "../json-edit.ts";
import { isObject } from "./fields.ts";
import type { JsonObject } from "./fields.ts";

/** `thinking.budget_tokens` is at least this, and below max_tokens (Anthropic, extended thinking). */
const THINKING_BUDGET_MIN = 1_024;

/** Usage needs no asking for: it is in every stream, and the API refuses `stream_options`. */
export function editRequest(route: Route, body: unknown, raw: Buffer, edit: UpstreamEdit): UpstreamRequest {
  if (!isObject(body)) return { path: route.upstreamPath, body: raw };
  const edits: JsonEdit[] = [];
  if (edit.forceStream === true && body["stream"] !== true) edits.push({ path: ["stream"], json: "true" });
  if (edit.model !== undefined && edit.model !== body["model"])
    edits.push({ path: ["model"], json: JSON.stringify(edit.model) });
  if (edit.outputTokensMax !== undefined) edits.push(...capOutput(body, edit.outputTokensMax));
  return { path: route.upstreamPath, body: editTopLevel(raw, edits) };
}

/** Never above the client's own cap. A thinking budget that no longer fits below it is lowered, or thinking turned off. */
function capOutput(body: JsonObject, cap: number): JsonEdit[] {
  const edits: JsonEdit[] = [];
  const own = body["max_tokens"];
  const lowered = typeof own !== "number" || own > cap;
  if (lowered) edits.push({ path: ["max_tokens"], json: String(cap) });
  const thinking = body["thinking"];
  if (lowered && isObject(thinking) && thinking["type"] === "enabled" && Number(thinking["budget_tokens"]) >= cap)
    edits.push(
      cap > THINKING_BUDGET_MIN
        ? { path: ["thinking", "budget_tokens"], json: String(cap - 1) }
        : { path: ["thinking"], json: '{"type":"disabled"}' },
    );
  const fallbacks = body["fallbacks"];
  if (Array.isArray(fallbacks) && fallbacks.some((entry) => capOf(entry) > cap))
    edits.push({ path: ["fallbacks"], json: JSON.stringify(fallbacks.map((entry) => capped(entry, cap))) });
  return edits;
}

function capOf(fallback: unknown): number {
  const cap = isObject(fallback) ? fallback["max_tokens"] : null;
  return typeof cap === "number" ? cap : 0;
}

function capped(fallback: unknown, cap: number): unknown {
  return isObject(fallback) && capOf(fallback) > cap ? { ...fallback, max_tokens: cap } : fallback;
}
