import type { ProviderAdapter } from "../adapter.ts";
import { MessageAssembler } from "./assemble.ts";
import { promptTexts } from "./content.ts";
import { editRequest } from "./edit.ts";
import { isObject } from "./fields.ts";
import { AnthropicMeter } from "./meter.ts";
import { cutFrame, refusalBody, unbilled } from "./refusal.ts";
import { parseRequest } from "./request.ts";
import { route } from "./route.ts";
import { reportOf } from "./usage.ts";

/** Anthropic Messages: `POST /v1/messages` and `/v1/messages/count_tokens` (free). */
export const anthropic: ProviderAdapter = {
  dialect: "anthropic",
  route,
  parseRequest,
  inputTexts: (_route, body) => promptTexts(body),
  editRequest,
  // An answer of count_tokens has `input_tokens` at its top: no usage, since it is free.
  usageOf: (_route, facts, body) =>
    isObject(body)
      ? reportOf(
          {
            usage: body["usage"],
            model: body["model"],
            id: body["id"],
            stopReason: body["stop_reason"],
            hasContent: Array.isArray(body["content"]) && body["content"].length > 0,
          },
          facts,
        )
      : null,
  // The answer says all that prices it, and always has its usage: there is nothing in the headers, and nothing to hide.
  meter: (_route, facts, _headers, _hideUsage) => new AnthropicMeter(facts),
  assembler: (_route, facts) => (facts.streamable ? new MessageAssembler(facts) : null),
  refusalBody,
  cutFrame,
  unbilled,
};
