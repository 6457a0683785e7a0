import type { RefusedAnswer } from "../call.ts";
import type { ErrorStatus } from "../fault.ts";
import { FieldError } from "../fields.ts";

interface OpenaiError {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
}

function refused(status: number, error: OpenaiError, headers: readonly string[] = []): RefusedAnswer {
  return { kind: "refused", status, headers, body: JSON.stringify({ error }, null, 2) };
}

const SERVER_ERROR: OpenaiError = {
  message: "The server had an error while processing your request. Sorry about that!",
  type: "server_error",
  param: null,
  code: null,
};

const OVERLOADED: OpenaiError = {
  message: "The engine is currently overloaded, please try again later",
  type: "server_error",
  param: null,
  code: null,
};

/** The error event that OpenAI puts into a stream of chat or legacy completions. */
export function openaiErrorFrame(): string {
  return `data: ${JSON.stringify({ error: SERVER_ERROR })}\n\n`;
}

export function openaiMissingKey(): RefusedAnswer {
  return refused(401, {
    message:
      "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
    type: "invalid_request_error",
    param: null,
    code: null,
  });
}

export function openaiNoModel(model: string): RefusedAnswer {
  const message = `The model \`${model}\` does not exist or you do not have access to it.`;
  return refused(404, { message, type: "invalid_request_error", param: null, code: "model_not_found" });
}

export function openaiNoPath(method: string, path: string): RefusedAnswer {
  const message = `Invalid URL (${method} ${path})`;
  return refused(404, { message, type: "invalid_request_error", param: null, code: null });
}

export function openaiBadField(error: Error): RefusedAnswer {
  const param = error instanceof FieldError ? error.field : null;
  const code = error.message.startsWith("Unsupported parameter") ? "unsupported_parameter" : null;
  return refused(400, { message: error.message, type: "invalid_request_error", param, code });
}

/** What a host that does not know the field says. */
export function openaiNoStreamOptions(): RefusedAnswer {
  return refused(400, {
    message: "Unrecognized request argument supplied: stream_options",
    type: "invalid_request_error",
    param: null,
    code: null,
  });
}

export function openaiStatus(status: ErrorStatus, model: string): RefusedAnswer {
  switch (status) {
    case 400:
      return openaiBadField(new FieldError("temperature", "Invalid type for 'temperature': expected a decimal."));
    case 401: {
      const message =
        "Incorrect API key provided: sk-simul*****ator. You can find your API key at https://platform.openai.com/account/api-keys.";
      return refused(401, { message, type: "invalid_request_error", param: null, code: "invalid_api_key" });
    }
    case 404:
      return openaiNoModel(model);
    case 429: {
      const message = `Rate limit reached for ${model} in organization org-simulator on requests per min (RPM): Limit 500, Used 500, Requested 1. Please try again in 120ms. Visit https://platform.openai.com/account/rate-limits to learn more.`;
      const error = { message, type: "requests", param: null, code: "rate_limit_exceeded" };
      return refused(429, error, ["retry-after", "1", "retry-after-ms", "120", "x-should-retry", "true"]);
    }
    case 500:
      return refused(500, SERVER_ERROR);
    case 503:
      return refused(503, OVERLOADED, ["retry-after", "1"]);
    case 529:
      return refused(529, OVERLOADED);
  }
}
