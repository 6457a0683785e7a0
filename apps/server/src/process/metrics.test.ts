import { describe, expect, test } from "vitest";
import { createMetrics } from "./metrics.ts";
import type { CallMeasured, Metrics } from "./metrics.ts";

const CALL: CallMeasured = {
  provider: "openai",
  model: "gpt-4o-mini",
  outcome: "settled",
  reasonCode: null,
  usage: { input: 100, input_cache_read: 20, output: 64 },
  costNano: 56_400n,
  overrunNano: 0n,
  overheadMs: 0.2,
};

function make(known: readonly string[] = ["gpt-4o-mini"]): Metrics {
  return createMetrics({
    providers: ["openai", "anthropic"],
    isKnownModel: (provider, model) => provider === "openai" && known.includes(model),
  });
}

/** Lines of Tollhouse's own metrics that have a value. */
async function linesOf(metrics: Metrics): Promise<string[]> {
  return (await metrics.text()).split("\n").filter((line) => /^tollhouse_(?!overhead_seconds_bucket)/.test(line));
}

describe("calls", () => {
  test("are counted by provider, outcome and reason, with usage by class and cost exact to the nano-dollar", async () => {
    const metrics = make();
    for (const call of [CALL, CALL, { ...CALL, outcome: "released" as const, usage: {}, costNano: 0n }])
      metrics.callEnded(call);
    const lines = await linesOf(metrics);
    expect(lines).toEqual(
      expect.arrayContaining([
        'tollhouse_calls_total{provider="openai",outcome="settled",reason_code=""} 2',
        'tollhouse_calls_total{provider="openai",outcome="released",reason_code=""} 1',
        'tollhouse_usage_total{provider="openai",model="gpt-4o-mini",class="input"} 200',
        'tollhouse_usage_total{provider="openai",model="gpt-4o-mini",class="input_cache_read"} 40',
        'tollhouse_usage_total{provider="openai",model="gpt-4o-mini",class="output"} 128',
        'tollhouse_cost_usd_total{provider="openai",model="gpt-4o-mini"} 0.0001128',
        "tollhouse_overhead_seconds_count 3",
      ]),
    );
    expect(lines.join()).not.toContain('class="output_reasoning"');
  });

  test("scraping twice counts nothing twice", async () => {
    const metrics = make();
    metrics.callEnded(CALL);
    const first = await linesOf(metrics);
    expect(await linesOf(metrics)).toEqual(first);
  });

  test("a blocked call is a refusal, and so is a request that never became a call", async () => {
    const metrics = make();
    metrics.callEnded({ ...CALL, outcome: "blocked", reasonCode: "BUDGET_EXCEEDED", costNano: null });
    metrics.refused("ENDPOINT_UNKNOWN");
    const lines = await linesOf(metrics);
    expect(lines).toContain(
      'tollhouse_calls_total{provider="openai",outcome="blocked",reason_code="BUDGET_EXCEEDED"} 1',
    );
    expect(lines).toContain('tollhouse_refusals_total{reason_code="BUDGET_EXCEEDED"} 1');
    expect(lines).toContain('tollhouse_refusals_total{reason_code="ENDPOINT_UNKNOWN"} 1');
    // It cost nothing and used nothing: no cost that would be unknown.
    expect(lines.join()).not.toContain("tollhouse_cost_unknown_calls_total{");
    expect(lines.join()).not.toContain("tollhouse_usage_total{");
  });

  test("an unknown cost is counted as unknown and adds nothing to the cost", async () => {
    const metrics = make();
    metrics.callEnded(CALL);
    metrics.callEnded({ ...CALL, costNano: null });
    const lines = await linesOf(metrics);
    expect(lines).toContain('tollhouse_cost_unknown_calls_total{provider="openai"} 1');
    expect(lines).toContain('tollhouse_cost_usd_total{provider="openai",model="gpt-4o-mini"} 0.0000564');
  });

  test("an overrun is never hidden", async () => {
    const metrics = make();
    metrics.callEnded({ ...CALL, overrunNano: 2_500_000_000n });
    const lines = await linesOf(metrics);
    expect(lines).toContain('tollhouse_overruns_total{provider="openai"} 1');
    expect(lines).toContain('tollhouse_overrun_usd_total{provider="openai"} 2.5');
  });
});

describe("gauges", () => {
  test("are left out until there is something to read, and never 0 instead", async () => {
    const metrics = make();
    const before = (await linesOf(metrics)).join();
    for (const name of ["reserved_usd", "spool_bytes", "recorder_lag_bytes", "recorder_lag_records"])
      expect(before).not.toContain(`tollhouse_${name} `);
    let reserved = 1_500_000_000n;
    metrics.watch({
      callsInFlight: () => 3,
      reservedNano: () => reserved,
      spoolBytes: () => 4096,
      nodeLimits: () => [{ name: "body_bytes", used: 12, max: 1_000 }],
      recorderLag: () => ({ bytes: 10, records: 2 }),
      chainsNotSigned: () => 2,
    });
    expect(await linesOf(metrics)).toEqual(
      expect.arrayContaining([
        "tollhouse_calls_in_flight 3",
        "tollhouse_reserved_usd 1.5",
        "tollhouse_spool_bytes 4096",
        'tollhouse_node_limit{name="body_bytes"} 1000',
        'tollhouse_node_limit_used{name="body_bytes"} 12',
        "tollhouse_recorder_lag_bytes 10",
        "tollhouse_recorder_lag_records 2",
        "tollhouse_ledger_chains_not_signed 2",
      ]),
    );
    reserved = 0n;
    expect(await linesOf(metrics)).toContain("tollhouse_reserved_usd 0");
  });

  test("the lag of the event loop is among the metrics of the process", async () => {
    expect(await make().text()).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
  });
});

describe("cardinality", () => {
  test("names that a client makes up are one series, however many there are", async () => {
    const metrics = make();
    for (let at = 0; at < 5_000; at++) {
      metrics.callEnded({ ...CALL, model: `made-up-${at}` });
      metrics.callEnded({ ...CALL, provider: `made-up-${at}`, costNano: null });
    }
    const lines = await linesOf(metrics);
    expect(lines.join()).not.toContain("made-up");
    expect(lines).toContain('tollhouse_usage_total{provider="openai",model="other",class="output"} 320000');
    expect(lines).toContain('tollhouse_calls_total{provider="other",outcome="settled",reason_code=""} 5000');
    expect(lines.length).toBeLessThan(40);
  });

  test("even known models stop making series at the bound, and nothing is lost", async () => {
    const metrics = createMetrics({ providers: ["openai"], isKnownModel: () => true });
    for (let at = 0; at < 3_000; at++) metrics.callEnded({ ...CALL, model: `m${at}`, usage: { output: 1 } });
    const usage = (await linesOf(metrics)).filter((line) => line.startsWith("tollhouse_usage_total{"));
    expect(usage).toHaveLength(2_001);
    expect(usage.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0)).toBe(3_000);
  });

  test("a model name cannot break the exposition format", async () => {
    const name = 'x"} 1\ntollhouse_calls_total{provider="evil';
    const metrics = make([name]);
    metrics.callEnded({ ...CALL, model: name });
    expect(await metrics.text()).not.toMatch(/^tollhouse_calls_total\{provider="evil/m);
  });
});
