import type { ProviderAdapter } from "../adapter.ts";
import { GeminiAssembler } from "./assemble.ts";
import { promptTexts } from "./content.ts";
import { editRequest } from "./edit.ts";
import { isObject } from "./fields.ts";
import { GeminiMeter } from "./meter.ts";
import { cutFrame, refusalBody, unbilled } from "./refusal.ts";
import { parseRequest } from "./request.ts";
import { route } from "./route.ts";
import { reportOf, searchesOf } from "./usage.ts";

/** Gemini: `POST /{v1,v1beta}/models/{model}:{generateContent,streamGenerateContent,embedContent,batchEmbedContents,countTokens}`. */
export const gemini: ProviderAdapter = {
  dialect: "gemini",
  route,
  parseRequest,
  inputTexts: (_route, body) => promptTexts(body),
  editRequest,
  usageOf(route, facts, body, headers) {
    // What countTokens answers is a count for the asking, not a use.
    if (!isObject(body) || route.endpoint === "count_tokens") return null;
    const candidates = body["candidates"];
    let searches = 0;
    if (Array.isArray(candidates)) for (const candidate of candidates) searches += searchesOf(candidate);
    return reportOf(
      {
        usage: body["usageMetadata"],
        modelVersion: body["modelVersion"],
        responseId: body["responseId"],
        searches,
        headers,
      },
      facts,
    );
  },
  meter: (route, facts, headers, _hideUsage) => new GeminiMeter(route, facts, headers),
  assembler: (route, facts) => (facts.streamable ? new GeminiAssembler(route) : null),
  refusalBody,
  cutFrame,
  unbilled,
};
