import type { PolicyDocument } from "@tollhouse/contract/control-client";
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, stringify } from "yaml";
import { textOf } from "./policy-text.ts";

// Of the editor alone, which brings the parser along. YAML, as files of `tollhouse policies apply` are; whatever is JSON is YAML too.

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

export type Notation = "yaml" | "json";

export function textAs(notation: Notation, document: PolicyDocument): string {
  return notation === "yaml" ? stringify(document).trimEnd() : textOf(document);
}

/** Whether it is a policy is for the server to say; here it has only to be an object. */
export function readText(text: string): ReadText {
  const parsed = parseDocument(text);
  const [wrong] = parsed.errors;
  if (wrong !== undefined) {
    const [said = ""] = wrong.message.split("\n");
    const problem = `This is neither YAML nor JSON: ${said.replace(/ at line \d+, column \d+:?$/, "")}`;
    return { document: null, problem: { line: wrong.linePos?.[0].line ?? null, field: "", problem } };
  }
  const value: unknown = parsed.toJS();
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return { document: value as PolicyDocument, problem: null };
  return { document: null, problem: { line: 1, field: "", problem: "expected fields, such as `name: cheap models`" } };
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

/** Dotted path → line of each field and element. */
export function linesOfFields(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  const counter = new LineCounter();
  const note = (path: string, node: unknown): void => {
    if (isNode(node) && node.range) lines.set(path, counter.linePos(node.range[0]).line);
  };
  const walk = (node: unknown, path: string): void => {
    const at = (name: string): string => (path === "" ? name : `${path}.${name}`);
    if (isMap(node))
      for (const { key, value } of node.items) {
        const named = at(isScalar(key) ? String(key.value) : "");
        note(named, key);
        walk(value, named);
      }
    else if (isSeq(node))
      for (const [index, item] of node.items.entries()) {
        note(at(String(index)), item);
        walk(item, at(String(index)));
      }
  };
  walk(parseDocument(text, { lineCounter: counter }).contents, "");
  return lines;
}
