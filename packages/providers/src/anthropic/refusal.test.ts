import Anthropic from "@anthropic-ai/sdk";
import { CODES } from "@tollhouse/contract";
import { describe, expect, it } from "vitest";
import type { Refusal, Route } from "../adapter.ts";
import { anthropic } from "./index.ts";

const route = anthropic.route("/v1/messages") as Route;
const refusal: Refusal = {
  code: "BUDGET_EXCEEDED",
  row: CODES.BUDGET_EXCEEDED,
  message: "Budget exceeded. Remaining: $2.50, Required: $5.00",
  param: null,
  budgetInfo: { budget: 10, spent: 7.5, remaining: 2.5 },
  tollhouse: { allowed: false, reason_code: "BUDGET_EXCEEDED" },
};

function client(status: number, body: string, type: string): Anthropic {
  const fetch = (): Promise<Response> =>
    Promise.resolve(new Response(body, { status, headers: { "content-type": type, "x-should-retry": "false" } }));
  return new Anthropic({ apiKey: "k", fetch, maxRetries: 0 });
}

const ask = { model: "m", max_tokens: 9, messages: [{ role: "user" as const, content: "hi" }] };

it("a refusal has the provider's shape, and the official client raises its typed error", async () => {
  const body = anthropic.refusalBody(refusal).toString();
  expect(JSON.parse(body)).toEqual({
    type: "error",
    error: {
      type: "rate_limit_error",
      message: refusal.message,
      details: { error_code: "BUDGET_EXCEEDED" },
      budget_info: { budget: 10, spent: 7.5, remaining: 2.5 },
    },
    request_id: null,
    tollhouse: refusal.tollhouse,
  });
  await expect(client(429, body, "application/json").messages.create(ask)).rejects.toThrow(Anthropic.RateLimitError);
});

it("a field that is wrong is named", () => {
  const body: unknown = JSON.parse(
    anthropic.refusalBody({ ...refusal, param: "max_tokens", budgetInfo: null }).toString(),
  );
  expect(body).toMatchObject({ error: { details: { param: "max_tokens" } } });
  expect(body).not.toHaveProperty("error.budget_info");
});

describe("a stream that Tollhouse cuts makes the official client raise", () => {
  const begun =
    'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}\n\n';
  it("with the error's type and reason, after what had come", async () => {
    const body = begun + anthropic.cutFrame(route, refusal).toString();
    const seen: string[] = [];
    const reading = async (): Promise<void> => {
      const stream = await client(200, body, "text/event-stream").messages.create({ ...ask, stream: true });
      for await (const event of stream) seen.push(event.type);
    };
    await expect(reading()).rejects.toMatchObject({ error: { error: { details: { error_code: "BUDGET_EXCEEDED" } } } });
    expect(seen).toEqual(["message_start"]);
  });
});

it.each([
  [400, true],
  [401, true],
  [413, true],
  [429, true],
  [503, true],
  [529, true],
  [200, false],
  [408, false],
  [499, false],
  [500, false],
  [502, false],
  [504, false],
])("status %i is certainly unbilled: %s", (status, unbilled) => {
  expect(anthropic.unbilled(status)).toBe(unbilled);
});
