import { expect, test } from "vitest";
import { linesOfFields, placed, readText, textAs } from "./policy-yaml.ts";

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

const YAML = `# who pays
name: no, "large" {models}
models:
  allow: [a*, b*]
  deny:
    - c*
limits:
  - measure: usd
    amount: much
`;

test("fields of YAML have their lines too", () => {
  expect(Object.fromEntries(linesOfFields(YAML))).toEqual({
    name: 2,
    models: 3,
    "models.allow": 4,
    "models.allow.0": 4,
    "models.allow.1": 4,
    "models.deny": 5,
    "models.deny.0": 6,
    limits: 7,
    "limits.0": 8,
    "limits.0.measure": 8,
    "limits.0.amount": 9,
  });
});

test.each([
  ['{\n  "name": "a",\n  "mode" "observe"\n}', 3],
  ["name: a\nmodels:\n  allow: [a\nmode: observe", 4],
  ["name: a\nname: b", 2],
])("what is neither JSON nor YAML says so, and in which line: %j", (text, line) => {
  expect(readText(text).problem).toMatchObject({ line, problem: expect.stringMatching(/^This is neither YAML nor/) });
});

test.each(["[]", "", "just words"])("a text that has no fields is no policy: %j", (text) => {
  expect(readText(text).problem?.problem).toMatch(/^expected fields/);
});

test.each(["yaml", "json"] as const)("a policy's text is read as what was written, in %s", (notation) => {
  const document = {
    name: "a: b",
    attach: { plan: "pro" },
    priority: 1,
    mode: "observe",
    caps: { cost: "0.10" },
  } as const;
  expect(readText(textAs(notation, document)).document).toEqual(document);
});
