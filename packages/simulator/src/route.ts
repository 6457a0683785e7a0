import type { Endpoint } from "@tollhouse/contract";
import type { ProviderName } from "./bill.ts";
import type { Route } from "./call.ts";

const OPENAI_ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  "/chat/completions": "chat_completions",
  "/completions": "completions",
  "/embeddings": "embeddings",
  "/responses": "responses",
  "/moderations": "moderations",
  "/images/generations": "images_generations",
  "/audio/speech": "audio_speech",
  "/audio/transcriptions": "audio_transcriptions",
  "/audio/translations": "audio_translations",
};

const GEMINI_METHODS: Readonly<Record<string, readonly [Endpoint, boolean]>> = {
  generateContent: ["generate_content", false],
  streamGenerateContent: ["generate_content", true],
  embedContent: ["embed_content", false],
  batchEmbedContents: ["batch_embed_contents", false],
  countTokens: ["count_tokens", false],
};

const AZURE = /^\/openai\/deployments\/([^/]+)(\/.+)$/;
const GEMINI_CALL = /^\/(?:v1beta|v1)\/(?:models|tunedModels)\/([^/:]+):(\w+)$/;
const GEMINI_MODELS = /^\/v1beta\/models(?:\/([^/:]+))?$/;
const V1_MODELS = /^\/v1\/models(?:\/([^/]+))?$/;

function route(provider: ProviderName, endpoint: Endpoint, more: Partial<Route> = {}): Route {
  return { provider, endpoint, method: "POST", model: null, stream: false, azure: false, query: "", ...more };
}

/** Paths that hold no parameter: found without parsing. */
const FIXED = new Map<string, Route>([
  ...Object.entries(OPENAI_ENDPOINTS).flatMap(([path, endpoint]): [string, Route][] => [
    [`/v1${path}`, route("openai", endpoint)],
    [`/openai/v1${path}`, route("openai", endpoint)],
  ]),
  ...["", "/anthropic"].flatMap((prefix): [string, Route][] => [
    [`${prefix}/v1/messages`, route("anthropic", "messages")],
    [`${prefix}/v1/messages/count_tokens`, route("anthropic", "count_tokens")],
  ]),
]);

/** `anthropic`: the request names an Anthropic version, which decides whose model list `/v1/models` is. */
function withParameter(path: string, query: string, anthropic: boolean): Route | null {
  const azure = AZURE.exec(path);
  if (azure !== null) {
    const endpoint = OPENAI_ENDPOINTS[azure[2] ?? ""];
    const model = decodeURIComponent(azure[1] ?? "");
    return endpoint === undefined ? null : route("openai", endpoint, { model, azure: true, query });
  }
  const below = path.startsWith("/gemini/") ? path.slice("/gemini".length) : path;
  const call = GEMINI_CALL.exec(below);
  if (call !== null) {
    const method = Object.hasOwn(GEMINI_METHODS, call[2] ?? "") ? GEMINI_METHODS[call[2] ?? ""] : undefined;
    if (method === undefined) return null;
    return route("gemini", method[0], { model: decodeURIComponent(call[1] ?? ""), stream: method[1], query });
  }
  const list = GEMINI_MODELS.exec(below);
  if (list !== null) return route("gemini", "models", { method: "GET", model: list[1] ?? null, query });
  const models = V1_MODELS.exec(path.replace(/^\/(?:openai|anthropic)(?=\/v1)/, ""));
  if (models === null) return null;
  const provider = anthropic || path.startsWith("/anthropic") ? "anthropic" : "openai";
  return route(provider, "models", { method: "GET", model: models[1] ?? null, query });
}

/** Which surface a URL is; null: no provider has it. */
export function routeOf(url: string, anthropic: boolean): Route | null {
  const mark = url.indexOf("?");
  const path = mark === -1 ? url : url.slice(0, mark);
  return FIXED.get(path) ?? withParameter(path, mark === -1 ? "" : url.slice(mark + 1), anthropic);
}
