import { arrayOf, isObject, type JsonObject, objectOf } from "./json-fields.ts";

/** Calls `take` with every piece of output that a chunk of chat completions or completions carries. */
export function chunkTexts(chunk: JsonObject, take: (text: string) => void, takeAudio: (base64: string) => void): void {
  for (const entry of arrayOf(chunk["choices"])) {
    const choice = objectOf(entry);
    if (typeof choice["text"] === "string") take(choice["text"]);
    const delta = choice["delta"];
    if (isObject(delta)) deltaTexts(delta, take, takeAudio);
  }
}

function deltaTexts(delta: JsonObject, take: (text: string) => void, takeAudio: (base64: string) => void): void {
  takeContent(delta["content"], take);
  if (typeof delta["refusal"] === "string") take(delta["refusal"]);
  // Hosts that send both send the same text twice.
  const reasoning = delta["reasoning_content"] ?? delta["reasoning"];
  if (typeof reasoning === "string") take(reasoning);
  else for (const detail of arrayOf(delta["reasoning_details"])) takeFields(detail, take, "text", "summary", "data");
  for (const call of arrayOf(delta["tool_calls"])) {
    takeFields(objectOf(call)["function"], take, "name", "arguments");
    takeFields(objectOf(call)["custom"], take, "name", "input");
  }
  takeFields(delta["function_call"], take, "name", "arguments");
  takeFields(delta["audio"], take, "transcript");
  const audio = objectOf(delta["audio"])["data"];
  if (typeof audio === "string") takeAudio(audio);
}

/** A text, or a list of parts (Mistral: `text`, and `thinking` that holds parts again). */
function takeContent(content: unknown, take: (text: string) => void): void {
  if (typeof content === "string") take(content);
  else
    for (const part of arrayOf(content)) {
      takeFields(part, take, "text", "thinking");
      for (const thought of arrayOf(objectOf(part)["thinking"])) takeFields(thought, take, "text");
    }
}

function takeFields(value: unknown, take: (text: string) => void, ...fields: readonly string[]): void {
  if (!isObject(value)) return;
  for (const field of fields) {
    const text = value[field];
    if (typeof text === "string") take(text);
  }
}

/** The same for an event of Responses, and of streamed speech, transcripts: whatever is named a delta, and tools' names. */
export function eventTexts(event: JsonObject, take: (text: string) => void, takeAudio: (base64: string) => void): void {
  const type = event["type"];
  if (typeof type !== "string") return;
  if (type === "response.output_item.added") takeFields(event["item"], take, "name");
  if (!type.endsWith(".delta")) return;
  const isAudio = type === "response.audio.delta" || type === "speech.audio.delta";
  const delta = event["delta"] ?? event["audio"];
  if (typeof delta !== "string") return;
  if (isAudio) takeAudio(delta);
  else take(delta);
}
