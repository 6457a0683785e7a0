import { describe, expect, it } from "vitest";
import type { Route, UpstreamEdit } from "../adapter.ts";
import { anthropic } from "./index.ts";

const route = anthropic.route("/v1/messages?beta=true") as Route;

function edit(text: string, wanted: UpstreamEdit): string {
  const { path, body } = anthropic.editRequest(route, JSON.parse(text), Buffer.from(text), wanted);
  expect(path).toBe("/v1/messages?beta=true");
  return body.toString();
}

describe("only what must change upstream changes", () => {
  it.each<[name: string, before: string, wanted: UpstreamEdit, after: string]>([
    [
      "a stream is asked for",
      '{ "model":"m","seed":12345678901234567890 }',
      { forceStream: true },
      '{ "model":"m","seed":12345678901234567890 ,"stream":true}',
    ],
    [
      "a refused stream is asked for",
      '{"stream":false,"model":"m"}',
      { forceStream: true },
      '{"stream":true,"model":"m"}',
    ],
    [
      "the cap is lowered",
      '{"max_tokens":4096,"model":"m"}',
      { outputTokensMax: 100 },
      '{"max_tokens":100,"model":"m"}',
    ],
    ["a smaller cap of the client's stays", '{"max_tokens":64}', { outputTokensMax: 100 }, '{"max_tokens":64}'],
    [
      "the thinking budget stays below the cap",
      '{"max_tokens":9000,"thinking":{"type":"enabled","budget_tokens":8000}}',
      { outputTokensMax: 2000 },
      '{"max_tokens":2000,"thinking":{"type":"enabled","budget_tokens":1999}}',
    ],
    [
      "thinking is turned off where no budget fits",
      '{"max_tokens":9000,"thinking":{"type":"enabled","budget_tokens":8000}}',
      { outputTokensMax: 1024 },
      '{"max_tokens":1024,"thinking":{"type":"disabled"}}',
    ],
    [
      "fallbacks are held to the cap",
      '{"max_tokens":9,"fallbacks":[{"model":"b","max_tokens":500},{"model":"c"}]}',
      { outputTokensMax: 100 },
      '{"max_tokens":9,"fallbacks":[{"model":"b","max_tokens":100},{"model":"c"}]}',
    ],
    ["another model is named", '{"model":"m"}', { model: 'x"y' }, '{"model":"x\\"y"}'],
  ])("%s", (_name, before, wanted, after) => {
    expect(edit(before, wanted)).toBe(after);
  });

  it("hands on the same buffer where nothing has to change", () => {
    const raw = Buffer.from('{"stream":true,"model":"m"}');
    const wanted = { forceStream: true, includeUsage: true, model: "m" };
    expect(anthropic.editRequest(route, JSON.parse(raw.toString()), raw, wanted).body).toBe(raw);
  });
});
