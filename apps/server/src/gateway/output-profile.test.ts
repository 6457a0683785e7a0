import { expect, test } from "vitest";
import { createOutputProfile } from "./output-profile.ts";

test("what was never seen gets the first slice, and the lead of a usual rate", () => {
  const profile = createOutputProfile(2);
  expect(profile.slice("a")).toBe(1_024);
  expect(profile.lead("a")).toBe(200);
});

test("one answer is learned from, and others follow slowly", () => {
  const profile = createOutputProfile(2);
  profile.learn("a", 100, 1_000);
  expect([profile.slice("a"), profile.lead("a")]).toEqual([150, 200]);
  profile.learn("a", 200, 500);
  // A tenth of the way: 110 tokens, 130 a second.
  expect([profile.slice("a"), profile.lead("a")]).toEqual([165, 260]);
  expect(profile.slice("b")).toBe(1_024);
});

test.each([
  ["a tiny answer", 1, 64],
  ["a huge answer", 1_000_000, 8_192],
])("%s keeps the slice within its bounds", (_, tokens, slice) => {
  const profile = createOutputProfile(2);
  profile.learn("a", tokens, 1_000);
  expect(profile.slice("a")).toBe(slice);
});

test("an answer at once, or in no time, does not make the lead infinite", () => {
  const profile = createOutputProfile(2);
  profile.learn("fast", 1_000_000, 1);
  profile.learn("zero", 500, 0);
  expect(profile.lead("fast")).toBe(4_000);
  expect(profile.lead("zero")).toBe(200);
});

test("clients that name ever new models do not make it grow without end", () => {
  const profile = createOutputProfile(2);
  profile.learn("old", 100, 1_000);
  for (let i = 0; i < 10_000; i++) profile.learn(`m${i}`, 100, 1_000);
  expect(profile.slice("old")).toBe(1_024);
  expect(profile.slice("m9999")).toBe(150);
});
