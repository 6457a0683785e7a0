import type { Call, WholeAnswer } from "../call.ts";
import { JSON_TYPE } from "../content-type.ts";
import { embedding } from "../embedding.ts";
import { countOf, FieldError, type Fields, isFields, listOf } from "../fields.ts";
import type { Classes } from "../model.ts";
import { contentsTokens, generateTokens } from "./content-tokens.ts";

const DIMENSIONS = 3072;

function answer(call: Call, input: Classes, body: string): WholeAnswer {
  const responseId = `req_${call.idTail}`;
  return { kind: "whole", responseId, contentType: JSON_TYPE, headers: [], input, output: [], billed: [], body };
}

function vectorJson(call: Call, request: Fields): string {
  const config = isFields(request["embedContentConfig"]) ? request["embedContentConfig"] : request;
  const size = countOf(config, "outputDimensionality", 1) ?? DIMENSIONS;
  return `{"values":[${embedding(call, JSON.stringify(request["content"]), size).join(",")}]}`;
}

/** POST models/{model}:embedContent. The Gemini API reports no usage for it; it bills the text. */
export function answerEmbed(call: Call): WholeAnswer {
  if (!isFields(call.body["content"]))
    throw new FieldError("content", "* EmbedContentRequest.content: content is not specified\n");
  const input = { input: contentsTokens(call.body["content"]).text };
  return answer(call, input, `{"embedding":${vectorJson(call, call.body)}}`);
}

/** POST models/{model}:batchEmbedContents. */
export function answerBatchEmbed(call: Call): WholeAnswer {
  const requests = listOf(call.body["requests"]).filter(isFields);
  if (requests.length === 0)
    throw new FieldError("requests", "* BatchEmbedContentsRequest.requests: requests is not specified\n");
  const input = requests.reduce((sum, request) => sum + contentsTokens(request["content"]).text, 0);
  return answer(call, { input }, `{"embeddings":[${requests.map((request) => vectorJson(call, request)).join(",")}]}`);
}

/** POST models/{model}:countTokens: free. */
export function answerGeminiCount(call: Call): WholeAnswer {
  const request = call.body["generateContentRequest"];
  const counted = generateTokens(isFields(request) ? request : call.body);
  const details = `[{"modality":"TEXT","tokenCount":${counted.text}}]`;
  return answer(call, {}, `{"totalTokens":${counted.text + counted.image},"promptTokensDetails":${details}}`);
}
