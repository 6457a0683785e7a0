import type { RefusedAnswer } from "../call.ts";
import type { ErrorStatus } from "../fault.ts";
import { FieldError } from "../fields.ts";

const INTERNAL =
  "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting";
const OVERLOADED = "The model is overloaded. Please try again later.";

function errorJson(code: number, status: string, message: string, details: readonly unknown[] = []): string {
  return JSON.stringify({ error: { code, message, status, ...(details.length > 0 ? { details } : {}) } }, null, 2);
}

function refused(code: number, status: string, message: string, details: readonly unknown[] = []): RefusedAnswer {
  return { kind: "refused", status: code, headers: [], body: errorJson(code, status, message, details) };
}

/** An error in the middle of a stream: as an event, or as the next element of the array. */
export function geminiErrorJson(): string {
  return JSON.stringify({ error: { code: 500, message: INTERNAL, status: "INTERNAL" } });
}

export function geminiMissingKey(): RefusedAnswer {
  const message =
    "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.";
  return refused(401, "UNAUTHENTICATED", message);
}

export function geminiNoModel(model: string): RefusedAnswer {
  const message = `models/${model} is not found for API version v1beta, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods.`;
  return refused(404, "NOT_FOUND", message);
}

export function geminiNoPath(): RefusedAnswer {
  return refused(404, "NOT_FOUND", "Requested entity was not found.");
}

export function geminiBadField(error: Error): RefusedAnswer {
  const field = error instanceof FieldError ? error.field : "body";
  const violation = {
    "@type": "type.googleapis.com/google.rpc.BadRequest",
    fieldViolations: [{ field, description: error.message }],
  };
  return refused(400, "INVALID_ARGUMENT", error.message, [violation]);
}

export function geminiStatus(status: ErrorStatus, model: string): RefusedAnswer {
  switch (status) {
    case 400:
      return refused(400, "INVALID_ARGUMENT", "Request contains an invalid argument.");
    case 401:
      return geminiMissingKey();
    case 404:
      return geminiNoModel(model);
    case 429: {
      const retry = { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "1s" };
      const violation = {
        quotaMetric: "generativelanguage.googleapis.com/generate_content_requests",
        quotaValue: "500",
      };
      const failure = { "@type": "type.googleapis.com/google.rpc.QuotaFailure", violations: [violation] };
      const message =
        "You exceeded your current quota, please check your plan and billing details. Please retry in 1s.";
      return refused(429, "RESOURCE_EXHAUSTED", message, [failure, retry]);
    }
    case 500:
      return refused(500, "INTERNAL", INTERNAL);
    case 503:
      return refused(503, "UNAVAILABLE", OVERLOADED);
    case 529:
      return refused(529, "UNAVAILABLE", OVERLOADED);
  }
}
