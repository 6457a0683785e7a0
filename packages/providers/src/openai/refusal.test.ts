import { CODES } from "@tollhouse/contract";
import OpenAI, { APIError, RateLimitError } from "openai";
import { expect, test } from "vitest";
import type { Refusal } from "../adapter.ts";
import { chat } from "./fixtures/streams.ts";
import { openai } from "./index.ts";

const REFUSAL: Refusal = {
  code: "BUDGET_EXCEEDED",
  row: CODES.BUDGET_EXCEEDED,
  message: "Budget exceeded. Remaining: $2.50, Required: $5.00",
  param: null,
  budgetInfo: { budget: 10, spent: 7.5, remaining: 2.5 },
  tollhouse: { allowed: false, reason_code: "BUDGET_EXCEEDED", decision_id: "dec_1", retry_after: null },
};

/** The official client, answered with these bytes. */
function client(body: Buffer, status: number, type: string): OpenAI {
  const fetch = (): Promise<Response> =>
    Promise.resolve(
      new Response(new Uint8Array(body), { status, headers: { "content-type": type, "x-should-retry": "false" } }),
    );
  return new OpenAI({ apiKey: "x", fetch });
}

function routeOf(path: string): NonNullable<ReturnType<typeof openai.route>> {
  const route = openai.route(path);
  if (route === null) throw new Error("no route");
  return route;
}

const raised = async (work: () => Promise<unknown>): Promise<unknown> => {
  try {
    return await work();
  } catch (error) {
    return error;
  }
};

test("a refusal has OpenAI's shape, the budget, and our object", () => {
  expect(JSON.parse(openai.refusalBody(REFUSAL).toString())).toEqual({
    error: {
      message: REFUSAL.message,
      type: "insufficient_quota",
      code: "BUDGET_EXCEEDED",
      param: null,
      budget_info: { budget: 10, spent: 7.5, remaining: 2.5 },
    },
    tollhouse: REFUSAL.tollhouse,
  });
  expect(openai.refusalBody({ ...REFUSAL, budgetInfo: null }).toString()).not.toContain("budget_info");
});

test("the official client raises its typed error on a refusal", async () => {
  const openaiClient = client(openai.refusalBody(REFUSAL), 429, "application/json");
  const error = await raised(() => openaiClient.chat.completions.create({ model: "m", messages: [] }));
  expect(error).toBeInstanceOf(RateLimitError);
  expect(error).toMatchObject({ status: 429, code: "BUDGET_EXCEEDED", type: "insufficient_quota" });
});

test("the official client gets the chunks before the cut, and then raises", async () => {
  const bytes = Buffer.concat([
    Buffer.from(chat({ content: "a" })),
    openai.cutFrame(routeOf("/v1/chat/completions"), REFUSAL),
  ]);
  const seen: unknown[] = [];
  const error = await raised(async () => {
    const stream = await client(bytes, 200, "text/event-stream").chat.completions.create({
      model: "m",
      messages: [],
      stream: true,
    });
    for await (const chunk of stream) seen.push(chunk.choices[0]?.delta.content);
  });
  expect(seen).toEqual(["a"]);
  expect(error).toBeInstanceOf(APIError);
  expect(error).toMatchObject({ code: "BUDGET_EXCEEDED", type: "insufficient_quota" });
});

test("the official client raises on a cut of Responses too", async () => {
  const started = Buffer.from('event: response.created\ndata: {"type":"response.created","response":{}}\n\n');
  const bytes = Buffer.concat([started, openai.cutFrame(routeOf("/v1/responses"), REFUSAL)]);
  const seen: unknown[] = [];
  const error = await raised(async () => {
    const stream = await client(bytes, 200, "text/event-stream").responses.create({
      model: "m",
      input: "x",
      stream: true,
    });
    for await (const event of stream) seen.push(event.type);
  });
  expect(seen).toEqual(["response.created"]);
  // The documented event, for clients that know only that.
  const [eventLine, dataLine = ""] = openai.cutFrame(routeOf("/v1/responses"), REFUSAL).toString().split("\n");
  expect(eventLine).toBe("event: error");
  expect(JSON.parse(dataLine.slice("data: ".length))).toMatchObject({
    type: "error",
    code: "BUDGET_EXCEEDED",
    message: REFUSAL.message,
  });
  expect(error).toMatchObject({ code: "BUDGET_EXCEEDED", type: "insufficient_quota" });
  expect((error as Error).message).toContain("Budget exceeded");
});

test("only refusals at the door are certainly not billed", () => {
  const billed = [200, 201, 302, 408, 499, 500, 502, 504, 520, 524];
  const free = [400, 401, 402, 403, 404, 413, 422, 429, 451, 501, 503, 529];
  expect(billed.filter((status) => openai.unbilled(status))).toEqual([]);
  expect(free.filter((status) => !openai.unbilled(status))).toEqual([]);
});
