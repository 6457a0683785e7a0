import { Histogram, Registry } from "prom-client";
import { expect, test } from "vitest";
import { createHistogram } from "./histogram.ts";

const OPTIONS = { name: "overhead_seconds", help: "Time", buckets: [0.001, 0.01, 0.5] };

test.each([
  { name: "nothing observed but one", values: [0.002] },
  { name: "the bounds themselves, which belong to their bucket", values: OPTIONS.buckets },
  { name: "below, between and above all bounds", values: [0, 0.0005, 0.005, 0.02, 0.6, 1_000] },
])("a scrape shows what prom-client's own histogram shows: $name", async ({ values }) => {
  const ours = new Registry();
  const theirs = new Registry();
  const observe = createHistogram(ours, OPTIONS);
  const histogram = new Histogram({ ...OPTIONS, buckets: [...OPTIONS.buckets], registers: [theirs] });
  for (const value of values) {
    observe(value);
    histogram.observe(value);
  }
  const expected = await theirs.metrics();
  expect(expected).toContain(`overhead_seconds_count ${values.length}`);
  expect(await ours.metrics()).toBe(expected);
  expect(await ours.metrics()).toBe(expected);
});

test("before anything was observed, every bucket is there and zero", async () => {
  const registry = new Registry();
  createHistogram(registry, OPTIONS);
  const text = await registry.metrics();
  expect(text).toContain('overhead_seconds_bucket{le="+Inf"} 0');
  expect(text).toContain("overhead_seconds_sum 0");
});
