import { expect, test } from "vitest";
import { ControlRates } from "./control-rates.ts";
import { Problem } from "./problem.ts";

const alice = { tenant: "t", actor: "key_a" };
const wrong = new Problem("ADMIN_KEY_REQUIRED", "Send a key");

function ratesOf(controlRequestsPerMinute: number, controlFailuresPerMinute: number): [ControlRates, () => void] {
  let nowMs = 1_000_000;
  const settings = { controlRequestsPerMinute, controlFailuresPerMinute };
  return [new ControlRates(settings, () => nowMs), () => (nowMs += 1_000)];
}

test("a key may ask a minute's worth at once, is told when it fits again, and nobody else waits with it", () => {
  const [rates, wait] = ratesOf(60, 0);
  const problems = Array.from({ length: 61 }, () => rates.take(alice).problem);
  expect(problems.filter((problem) => problem !== null)).toMatchObject([{ code: "RATE_LIMITED", retryAfterS: 1 }]);
  for (const other of [
    { tenant: "t", actor: "key_b" },
    { tenant: "u", actor: "key_a" },
  ])
    expect(rates.take(other).problem).toBeNull();
  wait();
  expect([rates.take(alice).problem, rates.take(alice).problem?.code]).toEqual([null, "RATE_LIMITED"]);
});

test("refusals of one address, or of one IPv6 network, become 429; other addresses and right keys do not notice", () => {
  const [rates, wait] = ratesOf(60, 60);
  const codes = (address: string, times: number): string[] =>
    Array.from({ length: times }, () => rates.refuse(wrong, address).code);
  expect(new Set(codes("192.0.2.1", 60))).toEqual(new Set(["ADMIN_KEY_REQUIRED"]));
  expect(codes("192.0.2.1", 1)).toEqual(["RATE_LIMITED"]);
  expect(codes("192.0.2.2", 1)).toEqual(["ADMIN_KEY_REQUIRED"]);
  expect(rates.take(alice).problem).toBeNull();
  expect(new Set(codes("2001:db8::1", 60))).toEqual(new Set(["ADMIN_KEY_REQUIRED"]));
  expect(codes("2001:db8:0:0:ffff::1", 1)).toEqual(["RATE_LIMITED"]);
  expect(codes("2001:db8:0:1::1", 1)).toEqual(["ADMIN_KEY_REQUIRED"]);
  expect(codes("::ffff:192.0.2.3", 1)).toEqual(["ADMIN_KEY_REQUIRED"]);
  wait();
  expect(codes("192.0.2.1", 2)).toEqual(["ADMIN_KEY_REQUIRED", "RATE_LIMITED"]);
});

test("0 is no rate", () => {
  const [rates] = ratesOf(0, 0);
  for (let i = 0; i < 1_000; i++) {
    expect(rates.take(alice)).toEqual({ rate: null, problem: null });
    expect(rates.refuse(wrong, "192.0.2.1")).toBe(wrong);
  }
});

test("of many addresses the last seen are remembered, and the others forgotten: memory has a bound", () => {
  const [rates] = ratesOf(0, 3);
  for (const address of ["stays", "leaves"]) for (let i = 0; i < 3; i++) rates.refuse(wrong, address);
  for (let i = 0; i < 100_000; i++) {
    rates.refuse(wrong, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    if (i % 5_000 === 0) expect(rates.refuse(wrong, "stays").code).toBe("RATE_LIMITED");
    if (i === 9_000) expect(rates.refuse(wrong, "leaves").code).toBe("RATE_LIMITED");
  }
  expect(rates.refuse(wrong, "leaves").code).toBe("ADMIN_KEY_REQUIRED");
});
