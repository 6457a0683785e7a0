import { afterEach, beforeEach, expect, test } from "vitest";
import { bodyBytes, chat, DIALECTS, eventsOf, lastLine, NAMES, send, textOf, usagesOf } from "./sample-asks.ts";
import type { Fault } from "./fault.ts";
import { type Simulator, startSimulator } from "./simulator.ts";

let simulator: Simulator;

beforeEach(async () => {
  simulator = await startSimulator();
});
afterEach(() => simulator.close());

test.each(NAMES)("no_usage: a stream of %s tells none, and the bill knows it", async (name) => {
  const text = await textOf(simulator, DIALECTS[name]({ output_tokens: 10, fault: { kind: "no_usage" } }));
  expect(text).not.toMatch(/"usage(Metadata)?":\{/);
  expect(lastLine(simulator)).toMatchObject({ finished: "complete", classes: { output: 10 } });
});

test.each(NAMES)(
  "usage_twice: a stream of %s tells the same usage twice at its end, and is billed once",
  async (name) => {
    const usages = usagesOf(
      await textOf(simulator, DIALECTS[name]({ output_tokens: 10, fault: { kind: "usage_twice" } })),
    );
    expect(usages.length).toBeGreaterThanOrEqual(2);
    expect(usages.at(-1)).toEqual(usages.at(-2));
    expect(simulator.bill()).toHaveLength(1);
    expect(lastLine(simulator)?.classes["output"]).toBe(10);
  },
);

test.each(NAMES)("usage_cumulative: a stream of %s tells running totals that grow to the whole", async (name) => {
  const fault: Fault = { kind: "usage_cumulative" };
  const usages = usagesOf(await textOf(simulator, DIALECTS[name]({ output_tokens: 10, fault })));
  const counts = usages.map((usage) => {
    const { completion_tokens, output_tokens, candidatesTokenCount } = usage as Record<string, number>;
    return completion_tokens ?? output_tokens ?? candidatesTokenCount ?? 0;
  });
  expect(counts.length).toBeGreaterThanOrEqual(10);
  expect(counts).toEqual([...counts].sort((a, b) => a - b));
  expect(counts.at(-1)).toBe(10);
});

test.each(NAMES)("usage_after_end: a stream of %s tells its usage after its end", async (name) => {
  const text = await textOf(simulator, DIALECTS[name]({ output_tokens: 10, fault: { kind: "usage_after_end" } }));
  const end = /\[DONE\]|message_stop|"finishReason"|"type":"response\.completed"/.exec(text)?.index ?? Number.NaN;
  const usage = /"usage(Metadata)?":\{[^]*$/.exec(text)?.index ?? Number.NaN;
  expect(usage).toBeGreaterThan(end);
  expect(usagesOf(text)).toHaveLength(1);
});

test.each(NAMES)("malformed_frame: a stream of %s has one event that is no JSON, and goes on", async (name) => {
  const events = eventsOf(
    await textOf(simulator, DIALECTS[name]({ output_tokens: 10, fault: { kind: "malformed_frame" } })),
  );
  expect(events.filter((event) => event === null)).toHaveLength(1);
  expect(events.at(-1)).not.toBeNull();
  expect(lastLine(simulator)).toMatchObject({ finished: "complete", classes: { output: 10 } });
});

test.each(NAMES)("error_mid_stream: a stream of %s fails halfway and bills the half that was made", async (name) => {
  const ask = DIALECTS[name]({ output_tokens: 10, reasoning_tokens: 4, fault: { kind: "error_mid_stream" } });
  const text = await textOf(simulator, ask);
  expect(text).toMatch(/"error":\{|"type":"error"/);
  // Half of 14 tokens, the hidden ones first.
  expect(lastLine(simulator)).toMatchObject({ finished: "error", classes: { output_reasoning: 4, output: 3 } });
});

test.each(NAMES)("no_done: a stream of %s misses its end", async (name) => {
  const text = await textOf(simulator, DIALECTS[name]({ output_tokens: 10, fault: { kind: "no_done" } }));
  expect(text).not.toMatch(/\[DONE\]|message_stop|"finishReason"|response\.completed/);
});

test.each(NAMES)("usage_too_big: %s reports, and bills, a multiple of what it made", async (name) => {
  const fault: Fault = { kind: "usage_too_big", factor: 3 };
  const text = await textOf(simulator, DIALECTS[name]({ output_tokens: 10, fault }));
  expect(JSON.stringify(usagesOf(text).at(-1))).toMatch(/"(completion_tokens|output_tokens|candidatesTokenCount)":30/);
  expect(lastLine(simulator)?.classes["output"]).toBe(30);
});

test.each(NAMES)("cut: a stream of %s ends at exactly the byte that was asked for", async (name) => {
  const whole = await bodyBytes(simulator, DIALECTS[name]({ call_id: "same", output_tokens: 40 }));
  for (const after of [0, 1, 333, whole - 200]) {
    expect(
      await bodyBytes(
        simulator,
        DIALECTS[name]({ call_id: "same", output_tokens: 40, fault: { kind: "cut", after_bytes: after } }),
      ),
    ).toBe(after);
    expect(lastLine(simulator)?.finished).toBe("cut");
  }
  const beyond = DIALECTS[name]({ call_id: "same", output_tokens: 40, fault: { kind: "cut", after_bytes: 1_000_000 } });
  expect(await bodyBytes(simulator, beyond)).toBeGreaterThan(0);
  expect(lastLine(simulator)).toMatchObject({ finished: "complete", classes: { output: 40 } });
});

test("a cut stream is billed for the chunks whose first byte went out", async () => {
  const steering = { call_id: "same", output_tokens: 10 };
  const text = await textOf(simulator, chat(steering));
  const third = text.split("\n\n").slice(0, 4).join("\n\n").length + 2;
  await bodyBytes(simulator, chat({ ...steering, fault: { kind: "cut", after_bytes: third + 1 } }));
  expect(lastLine(simulator)?.classes).toEqual({ input: 14, output: 4 });
});

test("a whole answer that is cut is owed in full", async () => {
  const fault: Fault = { kind: "cut", after_bytes: 100 };
  const ask = chat({ output_tokens: 9, fault }, { stream: false, stream_options: undefined });
  await expect(textOf(simulator, ask)).rejects.toThrow(/terminated/);
  expect(lastLine(simulator)).toMatchObject({ finished: "cut", classes: { output: 9 } });
});

test("slow_first_token and stall delay by what they say, and change no byte", async () => {
  const took = async (fault: Fault | null): Promise<readonly [number, number]> => {
    const startedAt = performance.now();
    const text = await textOf(simulator, chat({ call_id: "same", output_tokens: 20, fault }));
    return [performance.now() - startedAt, text.length];
  };
  const [, plain] = await took(null);
  for (const fault of [
    { kind: "slow_first_token", ms: 80 },
    { kind: "stall", after_tokens: 10, ms: 80 },
  ] as const) {
    const [ms, length] = await took(fault);
    expect(ms).toBeGreaterThan(75);
    expect(length).toBe(plain);
  }
});

test("refuse_stream_options: a 400 that names the field, and none without it", async () => {
  simulator.setFault(null, { kind: "refuse_stream_options" });
  const refused = await send(simulator, chat({}));
  expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining("stream_options")]);
  const plain = await send(simulator, chat({}, { stream_options: undefined }));
  expect(plain.status).toBe(200);
  await plain.text();
});
