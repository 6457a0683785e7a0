import type { Answer, Call } from "../call.ts";
import { JSON_TYPE } from "../content-type.ts";
import { FieldError, isFields } from "../fields.ts";

const CATEGORIES = [
  "harassment",
  "harassment/threatening",
  "hate",
  "hate/threatening",
  "illicit",
  "illicit/violent",
  "self-harm",
  "self-harm/intent",
  "self-harm/instructions",
  "sexual",
  "sexual/minors",
  "violence",
  "violence/graphic",
];

/** POST /v1/moderations: free, and nothing is ever flagged. */
export function answerModerations(call: Call): Answer {
  const given = call.body["input"];
  if (given === undefined) throw new FieldError("input", "Missing required parameter: 'input'.");
  const parts = Array.isArray(given) && !isFields(given[0]) ? given.length : 1;
  const result = {
    flagged: false,
    categories: Object.fromEntries(CATEGORIES.map((name) => [name, false])),
    category_scores: Object.fromEntries(CATEGORIES.map((name, at) => [name, (at + 1) / 100_000])),
    category_applied_input_types: Object.fromEntries(CATEGORIES.map((name) => [name, ["text"]])),
  };
  const responseId = `modr-${call.idTail}`;
  const results = Array.from({ length: parts }, () => result);
  return {
    kind: "whole",
    responseId,
    contentType: JSON_TYPE,
    headers: [],
    input: {},
    output: [],
    billed: [],
    body: JSON.stringify({ id: responseId, model: call.model.servedAs, results }),
  };
}
