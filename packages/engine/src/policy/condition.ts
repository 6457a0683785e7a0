import { Environment, type ASTNode } from "@marcbachmann/cel-js";
import { DIMENSIONS, POLICY_BOUNDS } from "@tollhouse/contract";
import { AmountInvalid, parseUsd } from "../money/amount.ts";

/** Whether a policy applies. `unknown`: its condition could not be evaluated, for something it asks is not known of the call. */
export type Applies = "yes" | "no" | "unknown";

/** A condition that cannot be compiled. The message says why, and names what is not allowed. */
export class ConditionInvalid extends Error {
  override readonly name = "ConditionInvalid";
}

export interface Condition {
  readonly text: string;
  /** Never throws. */
  evaluate(facts: ConditionFacts): Applies;
}

/** A text that the call does not carry is "". A number that is not known is missing: what asks for it is then `unknown`. */
export type ConditionFacts = { readonly [variable: string]: string | bigint };

const TEXTS = [...DIMENSIONS, "plan", "key", "model", "provider", "endpoint"] as const;
const NUMBERS = ["input_tokens", "output_tokens", "estimated_cost"] as const;

/** A list literal of `in` may hold as many as a glob list. */
const LIMITS = {
  maxAstNodes: 200,
  maxDepth: 24,
  maxListElements: POLICY_BOUNDS.globs,
  maxMapEntries: 1,
  maxCallArguments: 4,
};

/**
 * What an expression may be made of; the rest is refused by name when it is compiled. Left out on purpose: macros over lists
 * (nested ones multiply), `matches` (a backtracking regular expression of the author's choice), and everything of type `dyn`.
 * So the work of one evaluation is at most the expression's nodes times the length of a value.
 */
const OPERATORS = new Set<string>([
  "value",
  "id",
  "list",
  "in",
  "&&",
  "||",
  "!_",
  "?:",
  "==",
  "!=",
  "<",
  "<=",
  ">",
  ">=",
  "+",
  "-",
  "*",
  "/",
  "%",
  "-_",
]);
const CALLS = new Set(["startsWith", "endsWith", "contains", "lowerAscii", "upperAscii", "size", "usd"]);

/** One for all: nothing in it changes. */
const ENVIRONMENT = makeEnvironment();

function makeEnvironment(): Environment {
  const environment = new Environment({ limits: LIMITS });
  for (const name of TEXTS) environment.registerVariable(name, "string");
  for (const name of NUMBERS) environment.registerVariable(name, "int");
  // Money is whole nano-dollars here too: `estimated_cost > usd("0.50")`.
  return environment.registerFunction("usd(string): int", (text: string) => parseUsd(text));
}

/** CEL, true where the policy applies. Throws ConditionInvalid. */
export function compileCondition(text: string): Condition {
  if (text.length > POLICY_BOUNDS.conditionLength)
    throw new ConditionInvalid(`expected at most ${POLICY_BOUNDS.conditionLength} characters`);
  const parsed = parse(text);
  refuseUnbounded(parsed.ast);
  const { valid, type, error } = parsed.check();
  if (!valid) throw new ConditionInvalid(error?.summary ?? "expected an expression");
  if (type !== "bool") throw new ConditionInvalid(`expected true or false, got ${type}`);
  const evaluate = (facts: ConditionFacts): Applies => {
    try {
      return parsed(facts) === true ? "yes" : "no";
    } catch {
      return "unknown";
    }
  };
  return Object.freeze({ text, evaluate });
}

function parse(text: string): ReturnType<Environment["parse"]> {
  try {
    return ENVIRONMENT.parse(text);
  } catch (error) {
    throw new ConditionInvalid(error instanceof Error && "summary" in error ? String(error.summary) : "not CEL", {
      cause: error,
    });
  }
}

function refuseUnbounded(node: ASTNode): void {
  if (node.op === "call" || node.op === "rcall") {
    const [name] = node.args;
    if (!CALLS.has(name)) throw new ConditionInvalid(`${name}() is not allowed here`);
    if (name === "usd") checkUsd(node);
  } else if (!OPERATORS.has(node.op)) throw new ConditionInvalid(`${node.op} is not allowed here`);
  for (const child of childrenOf(node)) refuseUnbounded(child);
}

/** An amount that is none would make the condition unknown at every call; said now, it can be mended. */
function checkUsd(node: ASTNode): void {
  const [argument] = childrenOf(node);
  const text = argument?.op === "value" ? argument.args : null;
  if (typeof text !== "string") throw new ConditionInvalid('expected usd("…") of a literal, such as usd("0.50")');
  try {
    parseUsd(text, "usd");
  } catch (error) {
    throw error instanceof AmountInvalid ? new ConditionInvalid(error.message) : error;
  }
}

function childrenOf(node: ASTNode): readonly ASTNode[] {
  if (node.op === "value" || node.op === "id") return [];
  return [node.args].flat(2).filter(isNode);
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === "object" && value !== null && "op" in value;
}
