import type { Answer, Call } from "../call.ts";
import { JSON_TYPE } from "../content-type.ts";
import { countOf, FieldError } from "../fields.ts";
import { planInput } from "../plan.ts";
import { embedding } from "../embedding.ts";
import { promptTokens } from "./prompt-tokens.ts";

const DIMENSIONS = 1536;

/** POST /v1/embeddings. The official clients ask for base64 (little-endian float32). */
export function answerEmbeddings(call: Call): Answer {
  const { body } = call;
  const given = body["input"];
  if (given === undefined || given === "") throw new FieldError("input", "Missing required parameter: 'input'.");
  const many = Array.isArray(given) && typeof given[0] !== "number";
  const inputs: readonly unknown[] = many ? given : [given];
  const size = countOf(body, "dimensions", 1) ?? DIMENSIONS;
  const data = inputs.map((one, index) => {
    const vector = embedding(call, JSON.stringify(one), size);
    const value =
      body["encoding_format"] === "base64"
        ? `"${Buffer.from(vector.buffer).toString("base64")}"`
        : `[${vector.join(",")}]`;
    return `{"object":"embedding","index":${index},"embedding":${value}}`;
  });
  const input = planInput(call, { text: promptTokens(given), image: 0 }, true);
  const factor = call.fault?.kind === "usage_too_big" ? call.fault.factor : 1;
  const tokens = input.total * factor;
  const usage = call.fault?.kind === "no_usage" ? "" : `,"usage":{"prompt_tokens":${tokens},"total_tokens":${tokens}}`;
  return {
    kind: "whole",
    responseId: `req_${call.idTail}`,
    contentType: JSON_TYPE,
    headers: [],
    input: { input: tokens },
    output: [],
    billed: [],
    body: `{"object":"list","data":[${data.join(",")}],"model":"${call.model.servedAs}"${usage}}`,
  };
}
