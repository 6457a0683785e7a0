import { BadRequest } from "../adapter.ts";
import { isObject, optionalArray, optionalCount, optionalText } from "./fields.ts";
import type { JsonObject } from "./fields.ts";

/** What the tools of a request can add to its bill. */
export interface ToolFacts {
  /** Tokens that the provider puts into the prompt for these tools and that are not in the body. */
  readonly promptTokens: number;
  /** A tool that runs at the provider appends its results to the input, and we cannot see them. */
  readonly atProvider: boolean;
  /** Upper bounds of billed uses; Infinity where a tool has no `max_uses`; 0 without such a tool. */
  readonly searches: number;
  readonly fetches: number;
  /** Models that tools call beside the one of the request. */
  readonly models: readonly string[];
  /** Output tokens beside `max_tokens` (the advisor's): 0 without, null where nothing bounds them. */
  readonly extraOutputMax: number | null;
}

/** "Tool definitions add a 286–800 token system prompt" (Anthropic, tool use pricing). */
const TOOL_PROMPT_TOKENS = 800;
/** Definitions of the named client tools; the largest published one is computer use with 735, next text editor with 700. */
const NAMED_TOOL_TOKENS = 2_000;
/** Tools of Anthropic's definition that run at the client. Any other type unknown here is taken to run at the provider. */
const NAMED_CLIENT_TOOL = /^(?:bash|text_editor|computer|memory)_\d/;

export function readTools(body: JsonObject): ToolFacts {
  const tools = optionalArray(body, "tools", "tools");
  let promptTokens = tools.length > 0 ? TOOL_PROMPT_TOKENS : 0;
  let atProvider = optionalArray(body, "mcp_servers", "mcp_servers").length > 0;
  let searches = 0;
  let fetches = 0;
  let extraOutputMax: number | null = 0;
  const models: string[] = [];
  for (const [index, tool] of tools.entries()) {
    const field = `tools[${index}]`;
    if (!isObject(tool)) throw new BadRequest(field, "an object");
    const type = optionalText(tool, "type", `${field}.type`) ?? "custom";
    if (type === "custom") continue;
    if (NAMED_CLIENT_TOOL.test(type)) {
      promptTokens += NAMED_TOOL_TOKENS;
      continue;
    }
    atProvider = true;
    const uses = optionalCount(tool, "max_uses", `${field}.max_uses`);
    if (type.startsWith("web_search_")) searches += uses ?? Infinity;
    else if (type.startsWith("web_fetch_")) fetches += uses ?? Infinity;
    else if (type.startsWith("advisor_")) {
      extraOutputMax = sumOrNull(extraOutputMax, advisorOutputMax(tool, field, uses));
      const model = optionalText(tool, "model", `${field}.model`);
      if (model !== null) models.push(model);
    }
  }
  return { promptTokens, atProvider, searches, fetches, models, extraOutputMax };
}

/** The advisor is outside `max_tokens`: its own cap a use, times its uses. */
function advisorOutputMax(tool: JsonObject, field: string, uses: number | null): number | null {
  const tokens = optionalCount(tool, "max_tokens", `${field}.max_tokens`);
  return tokens === null || uses === null ? null : tokens * uses;
}

export function sumOrNull(left: number | null, right: number | null): number | null {
  return left === null || right === null ? null : left + right;
}
