import { expect, test } from "vitest";
import { compileCondition, ConditionInvalid, type ConditionFacts } from "./condition.ts";

const CALL: ConditionFacts = {
  session: "s",
  agent: "",
  feature: "search",
  service: "",
  user: "alice",
  team: "",
  customer: "acme",
  plan: "pro",
  key: "",
  model: "gpt-4o",
  provider: "openai",
  endpoint: "chat_completions",
  input_tokens: 1_000n,
  output_tokens: 200n,
  estimated_cost: 40_000_000n,
};

test.each([
  ['user == "alice"', "yes"],
  ['user in ["bob", "carol"]', "no"],
  ['model.startsWith("gpt-") && input_tokens + output_tokens > 1000', "yes"],
  ['estimated_cost > usd("0.05") || team == ""', "yes"],
  ['estimated_cost >= usd("0.04") && estimated_cost < usd("0.040000001")', "yes"],
  ['plan == "free" ? true : feature.contains("sea")', "yes"],
  ['!(customer.lowerAscii() == "acme")', "no"],
  ["size(user) == 5", "yes"],
  ["true", "yes"],
  ["input_tokens / (output_tokens - 200) > 1", "unknown"],
])("%s: %s", (text, applies) => {
  expect(compileCondition(text).evaluate(CALL)).toBe(applies);
});

test("what is not known of a call is unknown, unless the rest decides", () => {
  const { estimated_cost: _, ...unpriced } = CALL;
  expect(compileCondition('estimated_cost < usd("1.00")').evaluate(unpriced)).toBe("unknown");
  expect(compileCondition('estimated_cost < usd("1.00") && user == "bob"').evaluate(unpriced)).toBe("no");
  expect(compileCondition('estimated_cost < usd("1.00") || user == "alice"').evaluate(unpriced)).toBe("yes");
  expect(compileCondition('!(estimated_cost < usd("1.00"))').evaluate(unpriced)).toBe("unknown");
});

test.each([
  ["user ==", "Unexpected token"],
  ["user", "expected true or false, got string"],
  ["nobody == 1", "Unknown variable: nobody"],
  ["user > 5", "no such overload"],
  ["[1, 2].all(x, x > 0)", "all() is not allowed"],
  ["[1, 2].exists(x, [1, 2].exists(y, x == y))", "exists() is not allowed"],
  ["[1, 2].map(x, x).size() > 0", "map() is not allowed"],
  ["cel.bind(x, user, x == user)", "bind() is not allowed"],
  ['user.matches("(a+)+$")', "matches() is not allowed"],
  ['"(a+)+$".matches(user)', "matches() is not allowed"],
  ['dyn(user) == "a"', "dyn() is not allowed"],
  ['{"a": 1}["a"] == 1', "is not allowed"],
  ["has(user.name)", "has() is not allowed"],
  ['timestamp("2026-01-01T00:00:00Z").getHours("Europe/Berlin") > 1', "is not allowed"],
  ['estimated_cost > usd("much")', "usd: expected a decimal string"],
  ["estimated_cost > usd(user)", "of a literal"],
  ["usd() > 1", "of a literal"],
  [`user == "${"x".repeat(1_100)}"`, "at most 1024 characters"],
  [`${"1+".repeat(300)}1 > 0`, "maxAstNodes"],
  [`${"(".repeat(60)}true${")".repeat(60)}`, "maxDepth"],
  [`user in [${'"a",'.repeat(150)}"b"]`, "max"],
])("%s is refused: %s", (text, why) => {
  const compile = (): unknown => compileCondition(text);
  expect(compile).toThrow(ConditionInvalid);
  expect(compile).toThrow(why);
});
