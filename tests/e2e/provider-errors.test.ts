import { ERROR_STATUSES } from "@tollhouse/simulator";
import { afterAll, beforeAll, expect, test } from "vitest";
import { recordedCall, recordedCalls, sideBySide, steered, until, type SideBySide } from "./side-by-side.ts";

// What a provider refuses is the provider's to tell: same status, same bytes, same headers; and nothing is held or charged for it.

let world: SideBySide;
beforeAll(async () => {
  world = await sideBySide({
    yaml: `
providers:
  - { name: nobody, base_url: "http://127.0.0.1:9/v1", dialect: openai, api_key: sk-nobody, prices: free }
`,
  });
});
afterAll(() => world.stop());

const messages = [{ role: "user", content: "Hi" }];
const ANTHROPIC = { "x-api-key": "x", "anthropic-version": "2023-06-01" };
const gemini = "/v1beta/models/gemini-2.5-flash:";

const SURFACES: readonly [string, string, Record<string, string>, Record<string, unknown>][] = [
  ["chat", "/v1/chat/completions", {}, { model: "gpt-4o-mini", messages }],
  ["chat, streamed", "/v1/chat/completions", {}, { model: "gpt-4o-mini", messages, stream: true }],
  ["responses", "/v1/responses", {}, { model: "gpt-4o", input: "Hi" }],
  ["messages", "/v1/messages", ANTHROPIC, { model: "claude-haiku-4-5", max_tokens: 50, messages }],
  [
    "messages, streamed",
    "/v1/messages",
    ANTHROPIC,
    { model: "claude-haiku-4-5", max_tokens: 50, messages, stream: true },
  ],
  [
    "generateContent",
    `${gemini}generateContent`,
    { "x-goog-api-key": "x" },
    { contents: [{ parts: [{ text: "Hi" }] }] },
  ],
  [
    "streamGenerateContent",
    `${gemini}streamGenerateContent?alt=sse`,
    { "x-goog-api-key": "x" },
    { contents: [{ parts: [{ text: "Hi" }] }] },
  ],
];

/** They describe one hop, not the answer. */
const HOP = ["connection", "keep-alive", "transfer-encoding", "date"];

interface LimitNow {
  readonly id: string;
  readonly state: { readonly settled: string; readonly reserved: string };
}

function budget(session: string): Promise<LimitNow> {
  const limit = { scope: `session:${session}`, measure: "usd", amount: "1", window: "lifetime", mode: "hard" };
  return world.control("POST", "/api/v1/limits", limit);
}

function send(base: string, path: string, headers: Record<string, string>, body: unknown): Promise<Response> {
  const all = { authorization: "Bearer x", "content-type": "application/json", ...headers };
  return fetch(base + path, { method: "POST", headers: all, body: JSON.stringify(body) });
}

async function expectNothingHeld(limit: LimitNow, settled = "0.000000000"): Promise<void> {
  const { state } = await world.control<LimitNow>("GET", `/api/v1/limits/${limit.id}`);
  expect(state).toMatchObject({ settled, reserved: "0.000000000" });
}

/** Where no provider promises that nothing was billed, the input stands as estimated: unknown is never zero. */
const UNCERTAIN: Readonly<Record<string, readonly number[]>> = { openai: [500], anthropic: [500], gemini: [529] };

test.each(SURFACES)("%s: an error of the provider passes byte for byte, and is released", async (...row) => {
  const [name, path, headers, body] = row;
  const dialect = "anthropic-version" in headers ? "anthropic" : "x-goog-api-key" in headers ? "gemini" : "openai";
  for (const status of ERROR_STATUSES) {
    const session = `${name} ${status}`;
    const limit = await budget(session);
    const failing = { ...body, ...steered({ fault: { kind: "error_status", status } }) };
    const ours = await send(world.url, path, { ...headers, "x-session-id": session }, failing);
    const theirs = await send(world.twin.url, path, headers, failing);
    expect(ours.status).toBe(status);
    expect(await ours.text()).toBe(await theirs.text());
    for (const [header, value] of theirs.headers)
      if (!HOP.includes(header)) expect([header, ours.headers.get(header)]).toEqual([header, value]);
    const entry = await recordedCall(world, ours.headers.get("x-tollhouse-decision") ?? "");
    const uncertain = UNCERTAIN[dialect]?.includes(status) ?? false;
    expect([entry.outcome, entry.status]).toEqual([uncertain ? "settled" : "released", status]);
    if (uncertain) {
      // Of a request of a few words: hundredths of a cent, never the output that was not made.
      expect([entry.usage_source, entry.usage?.output ?? 0]).toEqual(["estimated", 0]);
      expect(Number(entry.cost)).toBeLessThan(0.001);
    }
    if (!uncertain) expect(entry.cost).toBe("0.000000000");
    await expectNothingHeld(limit, entry.cost ?? "");
  }
});

test("a provider that says when to come back is quoted", async () => {
  const failing = { model: "gpt-4o-mini", messages, ...steered({ fault: { kind: "error_status", status: 429 } }) };
  const ours = await send(world.url, "/v1/chat/completions", {}, failing);
  const theirs = await send(world.twin.url, "/v1/chat/completions", {}, failing);
  for (const header of ["retry-after", "retry-after-ms", "x-should-retry"])
    expect(ours.headers.get(header)).toBe(theirs.headers.get(header));
  expect(theirs.headers.get("retry-after")).not.toBeNull();
});

test("a provider that cannot be reached is told as such, and nothing is held or charged", async () => {
  const limit = await budget("unreachable");
  const answer = await send(
    world.url,
    "/nobody/v1/chat/completions",
    { "x-session-id": "unreachable" },
    { model: "m", messages },
  );
  expect([answer.status, answer.headers.get("x-tollhouse-reason")]).toEqual([502, "UPSTREAM_UNREACHABLE"]);
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  const [entry] = await recordedCalls(world, "session=unreachable");
  expect(entry?.outcome).toBe("released");
  await expectNothingHeld(limit);
});

test("an answer that breaks off is charged at what it may have cost, and never at nothing", async () => {
  for (const stream of [false, true]) {
    const session = `broken ${stream}`;
    const limit = await budget(session);
    const failing = {
      model: "gpt-4o-mini",
      messages,
      stream,
      max_tokens: 200,
      ...steered({ fault: { kind: "cut", after_bytes: 900 }, output_tokens: 200 }),
    };
    const answer = await send(world.url, "/v1/chat/completions", { "x-session-id": session }, failing);
    expect(await answer.text()).toContain("UPSTREAM_FAILED");
    expect(answer.status).toBe(stream ? 200 : 502);
    if (!stream) expect(answer.headers.get("x-should-retry")).toBe("false");
    await until(
      "the call is settled",
      async () => (await recordedCalls(world, `session=${encodeURIComponent(session)}`)).length === 1,
    );
    const [entry] = await recordedCalls(world, `session=${encodeURIComponent(session)}`);
    const billed = world.simulator.bill().at(-1);
    expect(entry?.outcome).toBe("settled");
    expect(["counted", "estimated"]).toContain(entry?.usage_source);
    expect(Number(entry?.cost)).toBeGreaterThan(0);
    if (!stream) expect(BigInt((entry?.cost ?? "0").replace(".", "")) >= (billed?.costNano ?? 0n)).toBe(true);
    await expectNothingHeld(limit, entry?.cost ?? "");
  }
});

test("a provider's error in the middle of a stream reaches the client as the provider said it", async () => {
  const failing = { model: "gpt-4o-mini", messages, stream: true, ...steered({ fault: { kind: "error_mid_stream" } }) };
  while (world.twin.calls() < world.simulator.calls())
    await (await send(world.twin.url, "/v1/embeddings", {}, { model: "text-embedding-3-small", input: "x" })).text();
  const ours = await (await send(world.url, "/v1/chat/completions", {}, failing)).text();
  expect(ours).toBe(await (await send(world.twin.url, "/v1/chat/completions", {}, failing)).text());
  const [entry] = await recordedCalls(world);
  expect([entry?.outcome, entry?.usage_source]).toEqual(["settled", "counted"]);
});
