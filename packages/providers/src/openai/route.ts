import type { Endpoint } from "@tollhouse/contract";
import type { Route } from "../adapter.ts";

interface Row {
  readonly endpoint: Endpoint;
  readonly method: Route["method"];
  readonly body: Route["body"];
}

const post = (endpoint: Endpoint, body: Route["body"] = "json"): Row => ({ endpoint, method: "POST", body });

const ENDPOINT_ROWS: ReadonlyMap<string, Row> = new Map([
  ["/chat/completions", post("chat_completions")],
  ["/completions", post("completions")],
  ["/embeddings", post("embeddings")],
  ["/responses", post("responses")],
  ["/images/generations", post("images_generations")],
  ["/audio/speech", post("audio_speech")],
  ["/audio/transcriptions", post("audio_transcriptions", "multipart")],
  ["/audio/translations", post("audio_translations", "multipart")],
  ["/moderations", post("moderations")],
]);

const MODELS: Row = { endpoint: "models", method: "GET", body: "none" };

/**
 * `/v1/chat/completions` and `/chat/completions` are one endpoint: a base URL ends in `/v1` or not, by host. Azure's classic
 * `/openai/deployments/{deployment}/…` (where the path names the model) and its `/openai/v1/…` go upstream whole.
 */
export function route(path: string): Route | null {
  const mark = path.indexOf("?");
  const pathname = mark === -1 ? path : path.slice(0, mark);
  const query = mark === -1 ? "" : path.slice(mark);

  const azure = /^\/openai\/deployments\/([^/]+)(\/.+)$/.exec(pathname);
  if (azure !== null) {
    const row = ENDPOINT_ROWS.get(azure[2] ?? "");
    const deployment = decoded(azure[1] ?? "");
    // Responses has no classic path: it takes the deployment as `model` in its body.
    if (row === undefined || row.endpoint === "responses" || deployment === null) return null;
    return found(row, pathname + query, deployment);
  }
  const azureV1 = pathname.startsWith("/openai/v1/");
  const below = pathname.replace(/^(?:\/openai)?\/v1(?=\/)/, "");
  const row = ENDPOINT_ROWS.get(below) ?? (isModelsPath(below) ? MODELS : undefined);
  if (row === undefined) return null;
  return found(row, (azureV1 ? pathname : below) + query, null);
}

function found(row: Row, upstreamPath: string, model: string | null): Route {
  return { dialect: "openai", ...row, upstreamPath, model, stream: null };
}

/** `/models`, `/models/{id}`. Ids hold slashes on some hosts; a dot segment would climb out of the path upstream. */
function isModelsPath(path: string): boolean {
  if (path === "/models") return true;
  if (!path.startsWith("/models/")) return false;
  return path
    .slice("/models/".length)
    .split("/")
    .every((segment) => decoded(segment) !== null);
}

/** Null where a path segment is empty, a dot segment, hides a slash, or is not percent-encoded UTF-8. */
function decoded(segment: string): string | null {
  try {
    const text = decodeURIComponent(segment);
    return text === "" || text === "." || text === ".." || /[/\\]/.test(text) ? null : text;
  } catch {
    return null;
  }
}
