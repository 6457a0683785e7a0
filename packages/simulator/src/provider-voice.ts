import type { IncomingHttpHeaders } from "node:http";
import {
  anthropicBadField,
  anthropicMissingKey,
  anthropicNoModel,
  anthropicNoPath,
  anthropicStatus,
} from "./anthropic/anthropic-error.ts";
import type { ProviderName } from "./bill.ts";
import type { RefusedAnswer, Route } from "./call.ts";
import type { ErrorStatus } from "./fault.ts";
import type { Fields } from "./fields.ts";
import { geminiBadField, geminiMissingKey, geminiNoModel, geminiNoPath, geminiStatus } from "./gemini/gemini-error.ts";
import { openaiBadField, openaiMissingKey, openaiNoModel, openaiNoPath, openaiStatus } from "./openai/openai-error.ts";

/** How one provider says things that are not answers. */
export interface ProviderVoice {
  missingKey(requestId: string): RefusedAnswer;
  noModel(model: string, requestId: string): RefusedAnswer;
  noPath(method: string, path: string, requestId: string): RefusedAnswer;
  badField(error: Error, requestId: string): RefusedAnswer;
  status(status: ErrorStatus, model: string, requestId: string): RefusedAnswer;
  /** The credential in this provider's own header; null: none. */
  credential(headers: IncomingHttpHeaders, route: Route | null): string | null;
  /** Headers of every answer but the request id; name and value in turn. */
  readonly headers: readonly string[];
  readonly requestIdHeader: string;
  /** Service tier that serves a request which names none, and the one it names. */
  tier(body: Fields): string;
}

function bearer(headers: IncomingHttpHeaders): string | null {
  const value = headers.authorization;
  if (value === undefined || !/^bearer \S/i.test(value)) return null;
  return value.slice("bearer ".length).trim();
}

function single(value: string | string[] | undefined): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

const OPENAI: ProviderVoice = {
  missingKey: openaiMissingKey,
  noModel: openaiNoModel,
  noPath: openaiNoPath,
  badField: openaiBadField,
  status: openaiStatus,
  credential: (headers, route) => (route?.azure === true ? single(headers["api-key"]) : null) ?? bearer(headers),
  headers: [
    "openai-version",
    "2020-10-01",
    "openai-organization",
    "org-simulator",
    "openai-processing-ms",
    "1",
    "x-ratelimit-limit-requests",
    "30000",
    "x-ratelimit-limit-tokens",
    "150000000",
    "x-ratelimit-remaining-requests",
    "29999",
    "x-ratelimit-remaining-tokens",
    "149999000",
    "x-ratelimit-reset-requests",
    "2ms",
    "x-ratelimit-reset-tokens",
    "0s",
  ],
  requestIdHeader: "x-request-id",
  tier(body) {
    const named = body["service_tier"];
    if (named === "fast" || named === "priority") return "priority";
    return named === "flex" ? "flex" : "default";
  },
};

const ANTHROPIC: ProviderVoice = {
  missingKey: anthropicMissingKey,
  noModel: anthropicNoModel,
  noPath: (_method, _path, requestId) => anthropicNoPath(requestId),
  badField: anthropicBadField,
  status: anthropicStatus,
  credential: (headers) => single(headers["x-api-key"]) ?? bearer(headers),
  headers: [
    "anthropic-organization-id",
    "00000000-0000-4000-8000-000000000000",
    "anthropic-ratelimit-requests-limit",
    "4000",
    "anthropic-ratelimit-requests-remaining",
    "3999",
    "anthropic-ratelimit-requests-reset",
    "2026-11-21T00:00:00Z",
    "anthropic-ratelimit-input-tokens-limit",
    "2000000",
    "anthropic-ratelimit-input-tokens-remaining",
    "1999000",
    "anthropic-ratelimit-output-tokens-limit",
    "400000",
    "anthropic-ratelimit-output-tokens-remaining",
    "399000",
  ],
  requestIdHeader: "request-id",
  tier: () => "standard",
};

const GEMINI: ProviderVoice = {
  missingKey: geminiMissingKey,
  noModel: geminiNoModel,
  noPath: geminiNoPath,
  badField: geminiBadField,
  status: geminiStatus,
  credential: (headers, route) =>
    single(headers["x-goog-api-key"]) ?? new URLSearchParams(route?.query ?? "").get("key") ?? bearer(headers),
  headers: ["x-content-type-options", "nosniff", "server-timing", "gfet4t7; dur=1"],
  requestIdHeader: "x-goog-request-id",
  tier(body) {
    const named = body["serviceTier"] ?? body["service_tier"];
    return named === "flex" || named === "priority" ? named : "standard";
  },
};

export const VOICES: Readonly<Record<ProviderName, ProviderVoice>> = {
  openai: OPENAI,
  anthropic: ANTHROPIC,
  gemini: GEMINI,
};
