import type { Route, UpstreamEdit, UpstreamRequest } from "../adapter.ts";
import { editTopLevel, type JsonEdit } from "../json-edit.ts";
import { type JsonObject, objectOf } from "./json-fields.ts";
import { refusesMaxTokens } from "./model-family.ts";

const CAP_ALIASES = ["max_tokens", "max_completion_tokens", "max_output_tokens"] as const;
type CapAlias = (typeof CAP_ALIASES)[number];

/** See ProviderAdapter.editRequest. Splices: what is not edited goes upstream byte for byte. */
export function editRequest(route: Route, input: unknown, raw: Buffer, edit: UpstreamEdit): UpstreamRequest {
  const path = edit.model === undefined ? route.upstreamPath : pathWithModel(route, edit.model);
  if (route.body !== "json") {
    // Never silently: the client would get, and we would price, another model than the decision says.
    if (edit.model !== undefined) throw new TypeError("the model of a form cannot be edited");
    return { path, body: raw };
  }
  const body = objectOf(input);
  const edits: JsonEdit[] = [];
  if (edit.model !== undefined && route.model === null) edits.push(set(["model"], edit.model));
  editStream(route, body, edit, edits);
  if (edit.outputTokensMax !== undefined) editCap(route, body, edit, edit.outputTokensMax, edits);
  return { path, body: editTopLevel(raw, edits) };
}

function set(path: readonly string[], value: string | number | boolean): JsonEdit {
  return { path, json: JSON.stringify(value) };
}

/** `stream_options` without a stream is refused upstream, and Responses reports usage without being asked. */
function editStream(route: Route, body: JsonObject, edit: UpstreamEdit, edits: JsonEdit[]): void {
  const forced = edit.forceStream === true;
  if (forced) edits.push(set(["stream"], true));
  if (route.endpoint !== "chat_completions" && route.endpoint !== "completions") return;
  const asks = forced ? edit.includeUsage !== false : edit.includeUsage === true && body["stream"] === true;
  if (!asks) return;
  // Also where it is there: a second, false one could stand before it.
  edits.push(set(["stream_options", "include_usage"], true));
}

function editCap(route: Route, body: JsonObject, edit: UpstreamEdit, tokens: number, edits: JsonEdit[]): void {
  const alias = capAlias(route, body, edit.model ?? route.model ?? body["model"]);
  if (alias === null) return;
  for (const other of CAP_ALIASES) if (other !== alias) edits.push({ path: [other], json: null });
  edits.push(set([alias], tokens));
}

/** Null where the endpoint has no cap. */
function capAlias(route: Route, body: JsonObject, model: unknown): CapAlias | null {
  if (route.endpoint === "responses") return "max_output_tokens";
  if (route.endpoint === "completions") return "max_tokens";
  if (route.endpoint !== "chat_completions") return null;
  const given = (alias: CapAlias): boolean => body[alias] !== undefined && body[alias] !== null;
  if (given("max_completion_tokens")) return "max_completion_tokens";
  if (typeof model === "string" && refusesMaxTokens(model)) return "max_completion_tokens";
  // A deployment may be any model; only the newer cap is taken by all of them.
  return route.model !== null && !given("max_tokens") ? "max_completion_tokens" : "max_tokens";
}

/** An Azure deployment is named by the path. */
function pathWithModel(route: Route, model: string): string {
  if (route.model === null) return route.upstreamPath;
  return route.upstreamPath.replace(
    /^(\/openai\/deployments\/)[^/]+/,
    (_, prefix: string) => prefix + encodeURIComponent(model),
  );
}
