import { VERSION } from "../version.ts";

// What the node answers to anybody who reaches it (process/pages.ts): no key, nothing secret. Described by hand: these are not routes
// of the control API, and a test asks each of them.

type Json = { readonly [name: string]: unknown };

function page(operationId: string, summary: string, responses: Json): Json {
  return { get: { operationId, tags: ["operation"], summary, security: [], responses } };
}

function answer(description: string, type: string, schema: Json, example: unknown): Json {
  return { description, content: { [type]: { schema, example } } };
}

function object(properties: Json): Json {
  return { type: "object", properties, required: Object.keys(properties), additionalProperties: false };
}

const JSON_TYPE = "application/json";
const readiness = object({ ready: { type: "boolean" }, waiting_for: { type: "array", items: { type: "string" } } });

export const PUBLIC_PATHS: Readonly<Record<string, Json>> = {
  "/health": page("getHealth", "Whether the process answers. It does so while it takes no calls, too.", {
    200: answer(
      "It does.",
      JSON_TYPE,
      object({ status: { type: "string", const: "ok" }, version: { type: "string" } }),
      { status: "ok", version: VERSION },
    ),
  }),
  "/ready": page("getReady", "Whether this node takes calls, and if not, what it waits for.", {
    200: answer("It does.", JSON_TYPE, readiness, { ready: true, waiting_for: [] }),
    503: answer("Not now.", JSON_TYPE, readiness, { ready: false, waiting_for: ["spool"] }),
  }),
  "/metrics": page("getMetrics", "Counters and histograms of this node, for Prometheus.", {
    200: answer(
      "The text format of Prometheus.",
      "text/plain",
      { type: "string" },
      'tollhouse_calls_total{provider="openai",model="gpt-4o-mini",outcome="settled"} 3\n',
    ),
  }),
  "/api/openapi.json": page("getOpenApi", "This document.", {
    200: answer("OpenAPI 3.1.", JSON_TYPE, { type: "object" }, { openapi: "3.1.1" }),
  }),
};

/** Where the calls themselves go: their bodies are the providers' own, so that they are named here and described there. */
export const GATEWAY_TAG: Json = {
  name: "gateway",
  description: [
    "Calls of models, each in its provider's own wire format: point the provider's client at this base URL and change nothing else.",
    "",
    "- OpenAI: `/v1/chat/completions`, `/v1/completions`, `/v1/embeddings`, `/v1/responses`, `/v1/images/generations`, `/v1/audio/*`, `/v1/moderations`, `/v1/models` ([reference](https://platform.openai.com/docs/api-reference))",
    "- Anthropic: `/v1/messages`, `/v1/messages/count_tokens`, also under `/anthropic` ([reference](https://docs.anthropic.com/en/api/messages))",
    "- Gemini: `/v1beta/models/{model}:generateContent` and its like, also under `/gemini` ([reference](https://ai.google.dev/api))",
    "- each provider of `tollhouse.yaml`: `/{name}/…`, in the format of its dialect",
    "",
    "A refusal is an error of that format with a `tollhouse` object beside it; its codes are in docs/reason-codes.md. Answers to a key that has rates say how they stand in `x-tollhouse-ratelimit-{limit,remaining,reset}-{requests,tokens}`.",
  ].join("\n"),
};
