import type { Route, UpstreamEdit, UpstreamRequest } from "../adapter.ts";
import { editTopLevel } from "../json-edit.ts";
import type { JsonEdit } from "../json-edit.ts";
import { isObject, largestInteger, namesOf } from "./fields.ts";
import type { JsonObject } from "./fields.ts";
import { asEventStream, withModel } from "./route.ts";

const GENERATION_CONFIG = namesOf("generationConfig");
const MAX_OUTPUT = namesOf("maxOutputTokens");

/** Model and streaming are in the path. Usage needs no asking for: it is in every answer. */
export function editRequest(route: Route, body: unknown, raw: Buffer, edit: UpstreamEdit): UpstreamRequest {
  const generating = route.endpoint === "generate_content";
  const edits: JsonEdit[] = [];
  let path = route.upstreamPath;
  if (edit.forceStream === true && generating && route.stream !== true) path = asEventStream(path);
  if (edit.model !== undefined && edit.model !== route.model) {
    path = withModel(path, edit.model);
    if (isObject(body)) edits.push(...renameModels(body, edit.model));
  }
  if (edit.outputTokensMax !== undefined && generating && isObject(body))
    edits.push(...capOutput(body, edit.outputTokensMax));
  return { path, body: editTopLevel(raw, edits) };
}

/**
 * Never above the client's own cap. Set under every name the client used for the field and its parent, since it is not
 * documented which one wins; under the usual names where it used none.
 */
function capOutput(body: JsonObject, cap: number): JsonEdit[] {
  const parents = GENERATION_CONFIG.filter((name) => Object.hasOwn(body, name));
  const configs = parents.map((name) => body[name]).filter(isObject);
  const own = largestInteger(configs, MAX_OUTPUT, "generationConfig.maxOutputTokens", 0) ?? 0;
  if (own > 0 && own <= cap) return [];
  return (parents.length > 0 ? parents : GENERATION_CONFIG.slice(0, 1)).flatMap((parent) => {
    const config = body[parent];
    const names = isObject(config) ? MAX_OUTPUT.filter((name) => Object.hasOwn(config, name)) : [];
    return (names.length > 0 ? names : MAX_OUTPUT.slice(0, 1)).map((name) => ({
      path: [parent, name],
      json: String(cap),
    }));
  });
}

/** Embedding requests name the model in the body too, where it must be that of the path. */
function renameModels(body: JsonObject, model: string): JsonEdit[] {
  const name = JSON.stringify(`models/${model}`);
  const edits: JsonEdit[] = [];
  if (typeof body["model"] === "string") edits.push({ path: ["model"], json: name });
  const requests = body["requests"];
  if (Array.isArray(requests))
    edits.push({
      path: ["requests"],
      json: JSON.stringify(
        requests.map((request: unknown) => (isObject(request) ? { ...request, model: `models/${model}` } : request)),
      ),
    });
  return edits;
}
