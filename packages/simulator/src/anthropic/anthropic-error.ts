import type { RefusedAnswer } from "../call.ts";
import type { ErrorStatus } from "../fault.ts";

function refused(
  status: number,
  type: string,
  message: string,
  requestId: string,
  headers: readonly string[] = [],
): RefusedAnswer {
  const body = JSON.stringify({ type: "error", error: { type, message }, request_id: requestId });
  return { kind: "refused", status, headers, body };
}

export function anthropicErrorFrame(): string {
  return 'event: error\ndata: {"type":"error","error":{"details":null,"type":"overloaded_error","message":"Overloaded"}}\n\n';
}

export function anthropicMissingKey(requestId: string): RefusedAnswer {
  return refused(401, "authentication_error", "x-api-key header is required", requestId);
}

export function anthropicNoModel(model: string, requestId: string): RefusedAnswer {
  return refused(404, "not_found_error", `model: ${model}`, requestId);
}

export function anthropicNoPath(requestId: string): RefusedAnswer {
  return refused(404, "not_found_error", "Not Found", requestId);
}

export function anthropicBadField(error: Error, requestId: string): RefusedAnswer {
  return refused(400, "invalid_request_error", error.message, requestId);
}

export function anthropicStatus(status: ErrorStatus, model: string, requestId: string): RefusedAnswer {
  switch (status) {
    case 400:
      return refused(400, "invalid_request_error", "messages: at least one message is required", requestId);
    case 401:
      return refused(401, "authentication_error", "invalid x-api-key", requestId);
    case 404:
      return anthropicNoModel(model, requestId);
    case 429: {
      const message =
        "This request would exceed your organization's rate limit of 50,000 input tokens per minute. For details, refer to: https://docs.claude.com/en/api/rate-limits.";
      return refused(429, "rate_limit_error", message, requestId, ["retry-after", "1", "x-should-retry", "true"]);
    }
    case 500:
      return refused(500, "api_error", "Internal server error", requestId, ["x-should-retry", "true"]);
    case 503:
      return refused(503, "api_error", "Service unavailable", requestId, ["x-should-retry", "true"]);
    case 529:
      return refused(529, "overloaded_error", "Overloaded", requestId, ["x-should-retry", "true"]);
  }
}
