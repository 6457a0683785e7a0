import { expect, test } from "vitest";
import {
  BLOCK_KINDS,
  BLOCK_SCOPES,
  blocklistCreateSchema,
  blockScopeSchema,
  killSwitchCreateSchema,
  sessionFreezeSchema,
  sessionNameSchema,
} from "./blocks.ts";
import { SCOPE_KINDS } from "./dimensions.ts";

test.each(BLOCK_KINDS)("%s takes its own kinds of scope and refuses every other by name", (kind) => {
  const schema = blockScopeSchema(kind);
  for (const scope of ["org", ...SCOPE_KINDS.map((name) => `${name}:x`)]) {
    const name = scope.split(":")[0] as (typeof BLOCK_SCOPES)[typeof kind][number];
    const taken = schema.safeParse(scope);
    expect(taken.success, scope).toBe(BLOCK_SCOPES[kind].includes(name));
    if (!taken.success) expect(taken.error.issues[0]?.message).toContain(`${BLOCK_SCOPES[kind].at(-1)}:<value>`);
  }
});

test("a scope that the database would give back as another is refused", () => {
  for (const scope of ["user:\ud800", "user:a\u0000", "user:a\nb", "user:", `user:${"x".repeat(257)}`, "User:a"])
    expect(blocklistCreateSchema.safeParse({ scope, reason: "r" }).success, JSON.stringify(scope)).toBe(false);
  for (const session of ["", "\udfff", "a\tb", "x".repeat(257)])
    expect(sessionNameSchema.safeParse(session).success, JSON.stringify(session)).toBe(false);
});

test("an expiry is a span or a time with its zone, never both", () => {
  const made = (more: object): boolean =>
    killSwitchCreateSchema.safeParse({ scope: "org", reason: "r", ...more }).success;
  const time = "2099-01-01T00:00:00+02:00";
  expect([{}, { expires_in: 1 }, { expires_at: time }].map(made)).toEqual([true, true, true]);
  const wrong = [
    { expires_in: 1, expires_at: time },
    { expires_in: 0 },
    { expires_in: 1.5 },
    { expires_in: "60" },
    { expires_in: 1e10 },
    { expires_at: "2099-01-01" },
    { expires_at: "2099-01-01T00:00:00" },
    { expires_at: "tomorrow" },
  ];
  for (const more of wrong) expect(made(more), JSON.stringify(more)).toBe(false);
});

test("a reason is asked for, but not of a freeze; unknown fields are refused", () => {
  expect(killSwitchCreateSchema.safeParse({ scope: "org" }).success).toBe(false);
  expect(killSwitchCreateSchema.safeParse({ scope: "org", reason: "  " }).success).toBe(false);
  expect(killSwitchCreateSchema.safeParse({ scope: "org", reason: "r", operator: "me" }).success).toBe(false);
  expect(sessionFreezeSchema.parse({})).toEqual({});
  expect(sessionFreezeSchema.safeParse({ scope: "session:a" }).success).toBe(false);
});
