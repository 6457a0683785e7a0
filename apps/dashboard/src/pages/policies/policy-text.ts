import type { Policy, PolicyDocument } from "@tollhouse/contract/control-client";

/** A policy as its text, or why the text is none. */
export type ReadText =
  | { readonly document: PolicyDocument; readonly problem: null }
  | { readonly document: null; readonly problem: LineProblem };

export interface LineProblem {
  /** From 1; null: of the whole text. */
  readonly line: number | null;
  /** Empty: of no field. */
  readonly field: string;
  readonly problem: string;
}

/** What of a policy somebody wrote: what was given to it (id, version, time) is left out. */
export function documentOf({ id: _id, version: _version, created_at: _created, ...document }: Policy): PolicyDocument {
  return document;
}

export function textOf(document: PolicyDocument): string {
  return JSON.stringify(document, null, 2);
}

/** Whether it is a policy is for the server to say; here it has only to be an object. */
export function readText(text: string): ReadText {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return { document: value as PolicyDocument, problem: null };
    return { document: null, problem: { line: 1, field: "", problem: "expected an object: { … }" } };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const [, line] = /line (\d+)/.exec(message) ?? [];
    return {
      document: null,
      problem: {
        line: line === undefined ? null : Number(line),
        field: "",
        problem: `This is no JSON: ${message.replace(/ in JSON at position.*/s, "")}`,
      },
    };
  }
}

/** Where the server's problems stand in the text: at the field, or at the nearest around it that is there. */
export function placed(
  text: string,
  problems: readonly { readonly field: string; readonly problem: string }[],
): readonly LineProblem[] {
  const lines = linesOfFields(text);
  return problems.map(({ field: told, problem }) => {
    // A rehearsal has the policy inside of what it is asked.
    const field = told.replace(/^policy\./, "");
    let path = field;
    while (path !== "" && !lines.has(path)) path = path.slice(0, Math.max(0, path.lastIndexOf(".")));
    return { line: lines.get(path) ?? null, field, problem };
  });
}

const TOKENS = /"(?:[^"\\]|\\.)*"|[[\]{},:\n]|[^\s"[\]{},:]+/g;

interface Open {
  readonly path: string;
  /** null: an array. */
  key: string | null;
  index: number;
  awaitsKey: boolean;
}

/** Dotted path → line of each field and element, in a text that is JSON. */
export function linesOfFields(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  const open: Open[] = [];
  let line = 1;
  const here = (): string => {
    const top = open.at(-1);
    if (top === undefined) return "";
    const name = top.key ?? String(top.index);
    return top.path === "" ? name : `${top.path}.${name}`;
  };
  for (const [token] of text.matchAll(TOKENS)) {
    const top = open.at(-1);
    if (token === "\n") line += 1;
    else if (token === "{" || token === "[") {
      if (top !== undefined) lines.set(here(), line);
      open.push({ path: here(), key: token === "{" ? "" : null, index: 0, awaitsKey: token === "{" });
    } else if (token === "}" || token === "]") open.pop();
    else if (top === undefined || token === ":") continue;
    else if (token === ",") {
      top.index += 1;
      top.awaitsKey = top.key !== null;
    } else if (top.awaitsKey) {
      top.key = JSON.parse(token) as string;
      top.awaitsKey = false;
      lines.set(here(), line);
    } else lines.set(here(), line);
  }
  return lines;
}
