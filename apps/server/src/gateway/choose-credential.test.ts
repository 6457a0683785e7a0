import { expect, test } from "vitest";
import { withoutCredential } from "./choose-credential.ts";

const SECRET = "sk-canary-0123456789";
const without = (body: string | Buffer, value = `Bearer ${SECRET}`): string =>
  withoutCredential(["authorization", value], Buffer.from(body)).toString("latin1");

test.each([
  [`{"error":"${SECRET} is wrong"}`, '{"error":"[redacted] is wrong"}'],
  [`${SECRET}${SECRET} Bearer ${SECRET}`, "[redacted][redacted] Bearer [redacted]"],
  [SECRET, "[redacted]"],
  [SECRET.slice(1), SECRET.slice(1)],
  ["", ""],
])("%j is told as %j", (body, told) => {
  expect(without(body)).toBe(told);
  expect(without(body, SECRET)).toBe(told);
});

test("a body that does not repeat it is the same bytes, whatever they are; and so is each where there is no credential", () => {
  const bytes = Buffer.from([0, 255, 10, 128, 195]);
  expect(withoutCredential(["x-api-key", SECRET], bytes)).toBe(bytes);
  expect(withoutCredential(null, bytes)).toBe(bytes);
  // "none" is a word before it is anybody's secret.
  expect(without("none of these", "none")).toBe("none of these");
});
