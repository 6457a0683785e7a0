import { expect, test } from "vitest";
import type { EndedCall } from "../gateway/ended-call.ts";
import { createLogger } from "./logger.ts";
import { createMetrics } from "./metrics.ts";
import { createObserver } from "./observe.ts";

const call: EndedCall = {
  decision: "0a",
  timeMs: Date.UTC(2026, 10, 21),
  tenant: "t",
  environment: "prod",
  dimensions: { session: "s", user: "u", feature: "f" },
  provider: "openai",
  model: "gpt-4o-mini",
  outcome: "settled",
  reason: null,
  status: 200,
  estimatedCost: 1_000n,
  cost: 400n,
  usage: { input: 10, input_cache_read: 5, output: 3, output_reasoning: 4 },
  source: "reported",
  latencyMs: 20,
  overheadMs: 1,
  doubt: null,
};

async function observe(over: Partial<EndedCall>): Promise<{ line: Record<string, unknown>; metrics: string }> {
  const lines: string[] = [];
  const sink = { write: (line: string) => void lines.push(line), push() {}, flush() {}, close() {} };
  const logger = createLogger({ level: "info", secrets: [], sink, nowMs: () => call.timeMs });
  const metrics = createMetrics({ providers: ["openai"], isKnownModel: () => true });
  createObserver(logger, metrics)({ ...call, ...over });
  logger.close();
  expect(lines).toHaveLength(1);
  return { line: JSON.parse(lines[0] as string) as Record<string, unknown>, metrics: await metrics.text() };
}

test("a settled call: all classes of tokens, both costs, whose it was", async () => {
  const { line, metrics } = await observe({});
  expect(line).toMatchObject({
    decision_id: "dec_0a",
    session_id: "s",
    user: "u",
    feature: "f",
    input_tokens: 15,
    output_tokens: 7,
    estimated_cost: "0.000001000",
    actual_cost: "0.000000400",
    usage_source: "reported",
    decision: "allow",
  });
  expect(metrics).toContain('tollhouse_calls_total{provider="openai",outcome="settled",reason_code=""} 1');
  expect(metrics).not.toContain('tollhouse_overruns_total{provider="openai"}');
});

test("what is not known is null in the line, and counted as unknown, never as zero", async () => {
  const { line, metrics } = await observe({ cost: null, source: "unknown", usage: {} });
  expect(line).toMatchObject({ actual_cost: null, input_tokens: null, output_tokens: null, usage_source: "unknown" });
  expect(metrics).toContain('tollhouse_cost_unknown_calls_total{provider="openai"} 1');
});

test("a refusal is a block, with its reason, and used nothing", async () => {
  const blocked = {
    outcome: "blocked",
    reason: "BUDGET_EXCEEDED",
    status: 429,
    estimatedCost: null,
    cost: null,
  } as const;
  const { line, metrics } = await observe({ ...blocked, source: "unknown", usage: {} });
  expect(line).toMatchObject({
    decision: "block",
    reason_code: "BUDGET_EXCEEDED",
    usage_source: null,
    estimated_cost: null,
  });
  expect(metrics).toContain('tollhouse_refusals_total{reason_code="BUDGET_EXCEEDED"} 1');
  expect(metrics).not.toContain('tollhouse_cost_unknown_calls_total{provider="openai"}');
});

test("only what is above the reservation is an overrun", async () => {
  const { metrics } = await observe({ cost: 1_500n, doubt: "odd" });
  expect(metrics).toContain('tollhouse_overruns_total{provider="openai"} 1');
  expect(metrics).toContain('tollhouse_overrun_usd_total{provider="openai"} 5e-7');
});

test("a doubt about the numbers is in the line", async () => {
  expect((await observe({ doubt: "clamped" })).line["error"]).toBe("clamped");
});
