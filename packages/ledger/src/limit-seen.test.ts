import { expect, test } from "vitest";
import { ByteWriter } from "./byte-writer.ts";
import { FIELD_CODECS } from "./field-codecs.ts";
import type { LimitSeen } from "./limit-seen.ts";

const seen: LimitSeen = {
  limitId: "lim_a",
  scope: "customer",
  measure: "tokens",
  window: "rolling_24h",
  mode: "soft",
  version: 7,
  endsUs: 1_795_243_800_000_000n,
  amount: 1_000n,
  settled: 400n,
  reserved: 64n,
};
const { write, decode } = FIELD_CODECS.limits;
const writer = new ByteWriter();
write(writer, [seen, { ...seen, limitId: "lim_b", endsUs: null }]);
const bytes = writer.taken();

test("limits come back as they were written, in their order", () => {
  expect(decode(bytes)).toEqual([seen, { ...seen, limitId: "lim_b", endsUs: null }]);
});

test("bytes that end inside a limit are rejected wherever they are cut", () => {
  const whole = [0, bytes.length / 2, bytes.length];
  for (let length = 1; length < bytes.length; length++)
    if (!whole.includes(length)) expect(() => decode(bytes.subarray(0, length))).toThrow("truncated");
});

test.each([
  ["scope", 0],
  ["measure", 1],
  ["window", 2],
  ["mode", 3],
])("a number that is no %s is rejected by name", (field, at) => {
  const changed = bytes.slice();
  changed[1 + "lim_a".length + at] = 200;
  expect(() => decode(changed)).toThrow(`${field}: unknown: 200`);
});
