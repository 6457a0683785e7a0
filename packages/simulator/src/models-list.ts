import type { Call, WholeAnswer } from "./call.ts";
import { JSON_TYPE } from "./content-type.ts";
import type { Model } from "./model.ts";

const CREATED = 1_721_172_741;

function freeAnswer(call: Pick<Call, "idTail">, body: string): WholeAnswer {
  const responseId = `req_${call.idTail}`;
  return { kind: "whole", responseId, contentType: JSON_TYPE, headers: [], input: {}, output: [], billed: [], body };
}

function openaiModel(model: Model): Readonly<Record<string, unknown>> {
  return { id: model.name, object: "model", created: CREATED, owned_by: "system" };
}

function anthropicModel(model: Model): Readonly<Record<string, unknown>> {
  return { type: "model", id: model.servedAs, display_name: model.name, created_at: "2025-09-29T00:00:00Z" };
}

function geminiModel(model: Model): Readonly<Record<string, unknown>> {
  const supportedGenerationMethods = model.name.includes("embedding")
    ? ["embedContent", "batchEmbedContents", "countTokens"]
    : ["generateContent", "countTokens"];
  return {
    name: `models/${model.name}`,
    version: "001",
    displayName: model.name,
    inputTokenLimit: 1_048_576,
    outputTokenLimit: 65_536,
    supportedGenerationMethods,
  };
}

/** GET models, in the shape of each provider: `one` null lists them all. */
export function answerModels(
  call: Pick<Call, "idTail">,
  provider: Model["provider"],
  models: readonly Model[],
  one: Model | null,
): WholeAnswer {
  switch (provider) {
    case "openai": {
      const body = one === null ? { object: "list", data: models.map(openaiModel) } : openaiModel(one);
      return freeAnswer(call, JSON.stringify(body));
    }
    case "anthropic": {
      const data = models.map(anthropicModel);
      const list = { data, has_more: false, first_id: data[0]?.["id"] ?? null, last_id: data.at(-1)?.["id"] ?? null };
      return freeAnswer(call, JSON.stringify(one === null ? list : anthropicModel(one)));
    }
    case "gemini":
      return freeAnswer(call, JSON.stringify(one === null ? { models: models.map(geminiModel) } : geminiModel(one)));
  }
}
