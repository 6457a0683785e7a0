import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { chat, DIALECTS, eventsOf, lastLine, messages, NAMES, send, textOf, until } from "./sample-asks.ts";
import { type Simulator, type SimulatorOptions, startSimulator } from "./simulator.ts";

const open: Simulator[] = [];

async function start(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await startSimulator(options);
  open.push(simulator);
  return simulator;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((simulator) => simulator.close()));
});

test("the same seed gives the same bytes, another seed other words", async () => {
  const texts: string[] = [];
  for (const seed of [3, 3, 4]) {
    const simulator = await start({ seed });
    let all = "";
    for (const name of NAMES) all += await textOf(simulator, DIALECTS[name]({}));
    all += await textOf(simulator, chat({}, { stream: false, stream_options: undefined }));
    texts.push(all);
  }
  expect(texts[0]).toBe(texts[1]);
  expect(texts[0]).not.toBe(texts[2]);
});

test("a call id gives the same answer whatever was asked before", async () => {
  const simulator = await start();
  const words = async (): Promise<unknown[]> =>
    eventsOf(await textOf(simulator, chat({ call_id: "c1" }))).map((event) => {
      const choices = event?.["choices"] as { delta: unknown }[] | undefined;
      return choices?.[0]?.delta;
    });
  const first = await words();
  await textOf(simulator, chat({}));
  expect(await words()).toEqual(first);
  expect(new Set(simulator.bill().map((line) => line.responseId)).size).toBe(3);
});

test.each(NAMES)(
  "a client of %s that leaves is billed for what was written, hidden tokens first, once",
  async (name) => {
    const simulator = await start({ tokensPerSecond: 500 });
    const leaving = new AbortController();
    const answer = await send(simulator, DIALECTS[name]({ output_tokens: 400, reasoning_tokens: 5 }), leaving.signal);
    const reader = answer.body?.getReader();
    let text = "";
    const decoder = new TextDecoder();
    while (!/"(content|text|delta)":\s?"? ?[a-z]/.test(text)) text += decoder.decode((await reader?.read())?.value);
    leaving.abort();
    await until(() => simulator.inFlight() === 0);
    const line = lastLine(simulator);
    expect(line).toMatchObject({ finished: "aborted", classes: { output_reasoning: 5 } });
    expect(line?.classes["output"]).toBeGreaterThan(0);
    expect(line?.classes["output"]).toBeLessThan(400);
    expect(simulator.bill()).toHaveLength(1);
  },
);

test("a client that leaves a slow whole answer owes the input and the tokens made by then", async () => {
  const simulator = await start({ tokensPerSecond: 1000 });
  const leaving = new AbortController();
  const ask = chat({ output_tokens: 60_000 }, { stream: false, stream_options: undefined });
  const answer = send(simulator, ask, leaving.signal).catch(() => null);
  await until(() => simulator.inFlight() === 1);
  await new Promise((resolve) => setTimeout(resolve, 30));
  leaving.abort();
  await answer;
  await until(() => simulator.inFlight() === 0);
  const made = lastLine(simulator)?.classes["output"] ?? 0;
  expect(made).toBeGreaterThanOrEqual(25);
  expect(made).toBeLessThan(5000);
});

test("a stream keeps the speed that is asked for", async () => {
  const simulator = await start();
  const startedAt = performance.now();
  await textOf(simulator, messages({ output_tokens: 100, tokens_per_second: 500 }));
  const ms = performance.now() - startedAt;
  expect(ms).toBeGreaterThan(195);
  expect(ms).toBeLessThan(1500);
});

test("faults are aimed by name, seeded by rate, and gone after clear", async () => {
  const simulator = await start();
  simulator.setFault("gpt-4o-mini", { kind: "error_status", status: 503 });
  expect((await send(simulator, chat({}))).status).toBe(503);
  expect((await send(simulator, messages({}))).status).toBe(200);
  simulator.clear();
  expect([simulator.calls(), simulator.billedNano(), simulator.bill().length]).toEqual([0, 0n, 0]);
  expect((await send(simulator, chat({}))).status).toBe(200);
  const finished = async (): Promise<unknown[]> => {
    const faulty = await start({ seed: 11, faultRate: 0.5 });
    for (let i = 0; i < 40; i++)
      await send(faulty, chat({ output_tokens: 30 })).then((one) => one.text().catch(() => ""));
    return faulty.bill().map((line) => [line.status, line.finished, line.costNano]);
  };
  const first = await finished();
  expect(new Set(first.map(String)).size).toBeGreaterThan(3);
  expect(await finished()).toEqual(first);
});

test("the credential of each call is kept, and a call without one is refused", async () => {
  const simulator = await start();
  await textOf(simulator, chat({ call_id: "mine" }));
  expect(simulator.credentialOf("mine")).toBe("sk-test");
  const refused = await send(simulator, { ...chat({}), headers: {} });
  expect(refused.status).toBe(401);
  expect(lastLine(simulator)).toMatchObject({ status: 401, costNano: 0n, finished: "error" });
});

test("a bill that outgrew its memory still sums, and says that it cannot be listed", async () => {
  const simulator = await start({ billLinesMax: 1 });
  for (let i = 0; i < 3; i++) await textOf(simulator, chat({ output_tokens: 10 }));
  expect(simulator.billedNano()).toBe(3n * 8_100n);
  expect(() => simulator.bill()).toThrow(/billLinesMax: expected at least 3/);
});

test("a model without a price of ours is served, and one that nobody has is not", async () => {
  const simulator = await start({ models: { "house-model": { provider: "openai", input: "0", output: "0" } } });
  expect((await send(simulator, chat({}, { model: "unpriced-large" }))).status).toBe(200);
  expect((await send(simulator, chat({}, { model: "house-model" }))).status).toBe(200);
  expect((await send(simulator, chat({}, { model: "claude-haiku-4-5" }))).status).toBe(404);
});

test("as a process it writes each start and end to its file at once, so that a kill loses neither", async () => {
  const folder = mkdtempSync(join(tmpdir(), "simulator-"));
  const file = join(folder, "bill.ndjson");
  const child = spawn(process.execPath, [
    "--conditions=@tollhouse/source",
    join(import.meta.dirname, "main.ts"),
    "--seed",
    "5",
    "--bill",
    file,
    "--tokens-per-second",
    "1000",
  ]);
  try {
    const line = await new Promise<string>((resolve) =>
      child.stdout.once("data", (data: Buffer) => resolve(String(data))),
    );
    const { url, port } = JSON.parse(line) as { url: string; port: number };
    const remote = { url, port } as Simulator;
    await textOf(remote, chat({ call_id: "done", output_tokens: 10 }));
    const set = await fetch(`${url}/simulator/fault`, {
      method: "POST",
      body: JSON.stringify({ match: "bad", fault: { kind: "error_status", status: 529 } }),
    });
    expect(set.status).toBe(200);
    expect((await send(remote, chat({ tag: "bad" }))).status).toBe(529);
    const lines = (await (await fetch(`${url}/simulator/bill`)).text()).trim().split("\n");
    expect(lines.map((one) => (JSON.parse(one) as { costNano: string }).costNano)).toEqual(["8100", "0"]);
    const answer = await send(remote, chat({ call_id: "killed", output_tokens: 50_000 }));
    child.kill("SIGKILL");
    await answer.text().catch(() => "");
    const records = readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .map((one) => JSON.parse(one) as Record<string, unknown>);
    expect(records.map((one) => [one["event"], one["callId"]])).toEqual([
      ["start", "done"],
      ["end", "done"],
      ["start", "sim_2"],
      ["end", "sim_2"],
      ["start", "killed"],
    ]);
    expect(records[1]).toMatchObject({ costNano: "8100", classes: { input: 14, output: 10 } });
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  }
});
