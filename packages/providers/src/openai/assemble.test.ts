import { CODES, type Endpoint } from "@tollhouse/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Assembler, Refusal } from "../adapter.ts";
import { answer, CHAT_ANSWERS, choice, data, DONE, first, last, message, TOP, USAGE } from "./fixtures/chat-answers.ts";
import { chat, STREAMS } from "./fixtures/streams.ts";
import { openai } from "./index.ts";

const PATHS: { readonly [E in Endpoint]?: string } = {
  chat_completions: "/v1/chat/completions",
  completions: "/v1/completions",
  responses: "/v1/responses",
};

function assemblerOf(endpoint: Endpoint): Assembler {
  const route = openai.route(PATHS[endpoint] ?? "");
  if (route === null) throw new Error("no route");
  const assembler = openai.assembler(route, openai.parseRequest(route, { model: "asked", prompt: "x" }, 10, {}));
  if (assembler === null) throw new Error("no assembler");
  return assembler;
}

const CUT: Refusal = {
  code: "BUDGET_EXCEEDED",
  row: CODES.BUDGET_EXCEEDED,
  message: "Budget exceeded",
  param: null,
  budgetInfo: null,
  tollhouse: { allowed: false, reason_code: "BUDGET_EXCEEDED" },
};

function assembled(endpoint: Endpoint, stream: string, cut: Refusal | null = null): unknown {
  const assembler = assemblerOf(endpoint);
  assembler.push(Buffer.from(stream));
  return JSON.parse(assembler.finish(cut).toString());
}

test.each(CHAT_ANSWERS.map((row) => [row[0], row] as const))(
  "chat, %s: equal to the answer without a stream",
  (_name, row) => {
    const [, stream, expected] = row;
    expect(assembled("chat_completions", stream)).toEqual(expected);
  },
);

test("completions: texts and log probabilities", () => {
  const chunk = { id: "cmpl-1", object: "text_completion", created: 1, model: "m" };
  const stream =
    data({
      ...chunk,
      choices: [{ text: "a", index: 0, logprobs: { tokens: ["a"], top_logprobs: null }, finish_reason: null }],
    }) +
    data({
      ...chunk,
      choices: [{ text: "b", index: 0, logprobs: { tokens: ["b"], top_logprobs: null }, finish_reason: "stop" }],
    }) +
    data({ ...chunk, choices: [], usage: USAGE }) +
    DONE;
  expect(assembled("completions", stream)).toEqual({
    ...chunk,
    choices: [{ text: "ab", index: 0, logprobs: { tokens: ["a", "b"], top_logprobs: null }, finish_reason: "stop" }],
    usage: USAGE,
  });
});

const ITEM = { id: "msg_1", type: "message", status: "in_progress", role: "assistant", content: [] };
const RESPONSE = {
  id: "resp_1",
  object: "response",
  created_at: 1,
  status: "in_progress",
  model: "gpt-5",
  output: [],
  usage: null,
};
const RESPONSES_OPEN =
  data({ type: "response.created", response: RESPONSE }) +
  data({ type: "response.output_item.added", output_index: 0, item: ITEM }) +
  data({
    type: "response.content_part.added",
    output_index: 0,
    content_index: 0,
    part: { type: "output_text", text: "", annotations: [] },
  }) +
  data({ type: "response.output_text.delta", output_index: 0, content_index: 0, delta: "ab" }) +
  data({ type: "response.output_text.delta", output_index: 0, content_index: 0, delta: "c" }) +
  data({
    type: "response.output_item.added",
    output_index: 1,
    item: { type: "function_call", name: "f", arguments: "", status: "in_progress" },
  }) +
  data({ type: "response.function_call_arguments.delta", output_index: 1, delta: '{"a"' });

test("Responses: the response of the terminal event, whichever it is", () => {
  for (const status of ["completed", "incomplete", "failed"]) {
    const response = { ...RESPONSE, status, output: [{ type: "message", any: 1 }], usage: { input_tokens: 1 } };
    expect(assembled("responses", RESPONSES_OPEN + data({ type: `response.${status}`, response }))).toEqual(response);
  }
});

test("a chat answer that we cut ends like a length limit, says why, and closed choices stay as they are", () => {
  const stream =
    chat(first) + chat({ content: "ab" }) + chat(first, {}, null, 1) + chat({ content: "c" }, {}, "stop", 1);
  expect(assembled("chat_completions", stream, CUT)).toEqual({
    ...TOP,
    object: "chat.completion",
    choices: [choice(0, message("ab"), "length"), choice(1, message("c"), "stop")],
    tollhouse: CUT.tollhouse,
  });
});

test("an answer cut before its first chunk is still a chat completion", () => {
  expect(assembled("chat_completions", "", CUT)).toMatchObject({
    object: "chat.completion",
    model: "asked",
    choices: [{ index: 0, message: { role: "assistant", content: null }, finish_reason: "length" }],
    tollhouse: CUT.tollhouse,
  });
});

test("a response that we cut is incomplete, with the items so far", () => {
  expect(assembled("responses", RESPONSES_OPEN, CUT)).toEqual({
    ...RESPONSE,
    status: "incomplete",
    incomplete_details: { reason: "max_output_tokens" },
    output: [
      { ...ITEM, status: "incomplete", content: [{ type: "output_text", text: "abc", annotations: [] }] },
      { type: "function_call", name: "f", arguments: '{"a"', status: "incomplete" },
    ],
    tollhouse: CUT.tollhouse,
  });
});

test("a host that answers with one JSON body is handed on byte for byte", () => {
  const body = ' {"id": "x", "seed": 12345678901234567890}\n';
  const assembler = assemblerOf("chat_completions");
  for (const byte of Buffer.from(body)) assembler.push(Buffer.from([byte]));
  expect(assembler.finish(null).toString()).toBe(body);
  expect(assembler.error).toBeNull();
});

test.each<[Endpoint, string, number, object]>([
  [
    "chat_completions",
    data({ error: { message: "m", type: "server_error", code: null } }),
    500,
    { error: { message: "m", type: "server_error", code: null } },
  ],
  [
    "chat_completions",
    data({ error: { code: 402, message: "no credits" } }),
    402,
    { error: { code: 402, message: "no credits" } },
  ],
  [
    "chat_completions",
    data({ error: { message: "m", type: "rate_limit_exceeded" } }),
    429,
    { error: { message: "m", type: "rate_limit_exceeded" } },
  ],
  ["chat_completions", data({ error: "oops" }), 500, { error: "oops" }],
  [
    "chat_completions",
    '{"error":{"message":"m","code":"invalid_prompt"}}',
    400,
    { error: { message: "m", code: "invalid_prompt" } },
  ],
  [
    "responses",
    `event: error\n${data({ type: "error", code: "rate_limit_exceeded", message: "m", param: null })}`,
    429,
    { error: { message: "m", type: "server_error", param: null, code: "rate_limit_exceeded" } },
  ],
  [
    "responses",
    data({ type: "response.failed", response: { error: { code: "server_error", message: "m" } } }),
    500,
    { error: { message: "m", type: "server_error", param: null, code: "server_error" } },
  ],
])("%s: an error in the stream %s is told as without one", (endpoint, stream, status, body) => {
  const assembler = assemblerOf(endpoint);
  assembler.push(Buffer.from(stream));
  expect(assembler.error?.status).toBe(status);
  expect(JSON.parse(assembler.error?.body.toString() ?? "")).toEqual(body);
});

test("an error nested 100,000 deep is still an error, and no stack overflow", () => {
  const assembler = assemblerOf("chat_completions");
  assembler.push(Buffer.from(`data: {"error":${"[".repeat(100_000)}${"]".repeat(100_000)}}\n\n`));
  expect(assembler.error?.status).toBe(500);
});

test("a host's empty `error` is none", () => {
  const assembler = assemblerOf("chat_completions");
  assembler.push(Buffer.from(chat({ content: "x" }, { error: {} }) + chat({}, { error: null }, "stop")));
  expect(assembler.error).toBeNull();
});

test("the answer is the same wherever the stream is cut in two, and no stream makes it throw", () => {
  for (const fixture of STREAMS) {
    if (PATHS[fixture.endpoint] === undefined) continue;
    const bytes = Buffer.from(fixture.stream);
    const finish = (...chunks: Buffer[]): string => {
      const assembler = assemblerOf(fixture.endpoint);
      for (const chunk of chunks) assembler.push(chunk);
      const { error } = assembler;
      return `${assembler.finish(null).toString()} ${error?.status} ${error?.body.toString()}`;
    };
    const whole = finish(bytes);
    for (let cut = 1; cut < bytes.length; cut++)
      if (finish(bytes.subarray(0, cut), bytes.subarray(cut)) !== whole)
        expect.fail(`${fixture.name}: another answer when cut at ${cut}`);
  }
});

test("any answer, streamed in any pieces, is put together again", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 12 });
  const call = fc.record({ name: fc.string({ minLength: 1, maxLength: 5 }), arguments: text });
  const one = fc.record({
    content: text,
    calls: fc.array(call, { maxLength: 3 }),
    finish: fc.constantFrom("stop", "length", "tool_calls"),
  });
  fc.assert(
    fc.property(fc.array(one, { minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 4 }), (choices, size) => {
      let stream = "";
      const pieces = (whole: string): string[] => whole.match(new RegExp(`.{1,${size}}`, "gsu")) ?? [];
      for (const [index, { content, calls, finish }] of choices.entries()) {
        stream += chat({ ...first, content: calls.length > 0 && content === "" ? null : "" }, {}, null, index);
        for (const piece of pieces(content)) stream += chat({ content: piece }, {}, null, index);
        for (const [at, { name, arguments: args }] of calls.entries()) {
          const head = { index: at, id: `call_${at}`, type: "function", function: { name, arguments: "" } };
          stream += chat({ tool_calls: [head] }, {}, null, index);
          for (const piece of pieces(args))
            stream += chat({ tool_calls: [{ index: at, function: { arguments: piece } }] }, {}, null, index);
        }
        stream += chat({}, {}, finish, index);
      }
      const expected = choices.map(({ content, calls, finish }, index) => {
        const toolCalls = calls.map((of, at) => ({ id: `call_${at}`, type: "function", function: of }));
        const more = calls.length > 0 ? { tool_calls: toolCalls } : {};
        return choice(index, message(calls.length > 0 && content === "" ? null : content, more), finish);
      });
      expect(assembled("chat_completions", stream + last)).toEqual(answer(expected));
    }),
    { numRuns: 300 },
  );
});

test("endpoints whose stream is not their answer in pieces have no assembler", () => {
  for (const path of ["/v1/embeddings", "/v1/images/generations", "/v1/audio/speech"]) {
    const route = openai.route(path);
    if (route === null) throw new Error("no route");
    expect(openai.assembler(route, openai.parseRequest(route, { model: "m", input: "x" }, 1, {}))).toBeNull();
  }
});
