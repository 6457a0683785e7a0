export * from "./adapter.ts";
export * from "./json-edit.ts";
export * from "./sse.ts";
export { anthropic } from "./anthropic/index.ts";
export { gemini } from "./gemini/index.ts";
export { openai } from "./openai/index.ts";
