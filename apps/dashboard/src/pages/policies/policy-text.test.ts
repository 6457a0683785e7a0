import { expect, test } from "vitest";
import { linesOfFields, placed, readText, textOf } from "./policy-text.ts";

const TEXT = `{
  "name": "no, \\"large\\" {models}",
  "attach": "default",
  "models": { "allow": ["a*", "b*"],
    "deny": [
      "c*"
    ] },
  "limits": [
    { "measure": "usd", "amount": "1" },
    {
      "measure": "usd",
      "amount": "much"
    }
  ]
}`;

test("each field and element has the line that it stands in", () => {
  expect(Object.fromEntries(linesOfFields(TEXT))).toEqual({
    name: 2,
    attach: 3,
    models: 4,
    "models.allow": 4,
    "models.allow.0": 4,
    "models.allow.1": 4,
    "models.deny": 5,
    "models.deny.0": 6,
    limits: 8,
    "limits.0": 9,
    "limits.0.measure": 9,
    "limits.0.amount": 9,
    "limits.1": 10,
    "limits.1.measure": 11,
    "limits.1.amount": 12,
  });
});

test("a problem stands at its field, or at the nearest around it that is there", () => {
  const lines = (fields: string[]) =>
    placed(
      TEXT,
      fields.map((field) => ({ field, problem: "expected another" })),
    ).map(({ line }) => line);
  expect(lines(["limits.1.amount", "policy.limits.1.amount", "limits.1.window", "models.deny.0", "priority"])).toEqual([
    12,
    12,
    10,
    6,
    null,
  ]);
});

test("what is no JSON says in which line", () => {
  const read = readText('{\n  "name": "a",\n  "mode" "observe"\n}');
  expect(read.problem).toMatchObject({ line: 3, problem: expect.stringMatching(/^This is no JSON: Expected ':'/) });
  expect(readText("[]").problem?.problem).toBe("expected an object: { … }");
});

test("a policy's text is read as what was written", () => {
  const document = { name: "a", attach: { plan: "pro" }, priority: 1, mode: "observe" } as const;
  expect(readText(textOf(document)).document).toEqual(document);
});
