import type { Usage } from "@tollhouse/contract";
import { BadRequest } from "../adapter.ts";
import { isObject, namesOf, valuesOf } from "./fields.ts";
import type { JsonObject } from "./fields.ts";

export interface ToolFacts {
  /** A tool that runs at the provider puts text into the prompt that the body does not have. */
  readonly atProvider: boolean;
  readonly unitsMax: Usage;
}

const DECLARATIONS = new Set(namesOf("functionDeclarations"));
const SEARCHES = new Set(
  [
    "googleSearch",
    "googleSearchRetrieval",
    "enterpriseWebSearch",
    "googleMaps",
    "exaAiSearch",
    "parallelAiSearch",
  ].flatMap(namesOf),
);

/** Every tool but a declared function runs at the provider, those made later too. */
export function readTools(body: JsonObject, model: string): ToolFacts {
  let atProvider = false;
  let searching = false;
  for (const tools of valuesOf(body, ["tools"])) {
    for (const [index, tool] of (Array.isArray(tools) ? tools : [tools]).entries()) {
      if (!isObject(tool)) throw new BadRequest(`tools[${index}]`, "an object");
      for (const [key, value] of Object.entries(tool)) {
        if (value === null || DECLARATIONS.has(key)) continue;
        atProvider = true;
        searching ||= SEARCHES.has(key);
      }
    }
  }
  if (!searching) return { atProvider, unitsMax: {} };
  return { atProvider, unitsMax: billsByPrompt(model) ? { grounded_prompt: 1 } : { web_search_call: Infinity } };
}

/** Grounding: up to the 2.5 family a grounded prompt is billed once, from 3 on each search query (Gemini API pricing). */
export function billsByPrompt(model: string): boolean {
  const major = /gemini-(\d+)/.exec(model)?.[1];
  return major !== undefined && Number(major) < 3;
}
