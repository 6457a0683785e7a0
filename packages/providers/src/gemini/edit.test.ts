import { describe, expect, it } from "vitest";
import type { Route, UpstreamEdit } from "../adapter.ts";
import { gemini } from "./index.ts";

const PATH = "/v1beta/models/gemini-2.5-pro:generateContent";

function edit(text: string, wanted: UpstreamEdit, path = PATH): { path: string; body: string } {
  const edited = gemini.editRequest(gemini.route(path) as Route, JSON.parse(text), Buffer.from(text), wanted);
  return { path: edited.path, body: edited.body.toString() };
}

describe("only what must change upstream changes", () => {
  it.each<[name: string, before: string, cap: number, after: string]>([
    [
      "a cap is added",
      '{"contents":[] , "n":12345678901234567890}',
      100,
      '{"contents":[] , "n":12345678901234567890,"generationConfig":{"maxOutputTokens":100}}',
    ],
    [
      "the cap is lowered",
      '{"generationConfig":{"topK":1,"maxOutputTokens":4096}}',
      100,
      '{"generationConfig":{"topK":1,"maxOutputTokens":100}}',
    ],
    [
      "under each name in use",
      '{"generation_config":{"max_output_tokens":9000,"maxOutputTokens":5}}',
      100,
      '{"generation_config":{"max_output_tokens":100,"maxOutputTokens":100}}',
    ],
    [
      "in both parents",
      '{"generation_config":{},"generationConfig":{"max_output_tokens":9000}}',
      100,
      '{"generation_config":{"maxOutputTokens":100},"generationConfig":{"max_output_tokens":100}}',
    ],
    [
      "a smaller cap of the client's stays",
      '{"generationConfig":{"maxOutputTokens":64}}',
      100,
      '{"generationConfig":{"maxOutputTokens":64}}',
    ],
    [
      "a cap of 0 is none",
      '{"generationConfig":{"maxOutputTokens":0}}',
      100,
      '{"generationConfig":{"maxOutputTokens":100}}',
    ],
    ["a parent that is null", '{"generationConfig":null}', 100, '{"generationConfig":{"maxOutputTokens":100}}'],
  ])("%s", (_name, before, cap, after) => {
    expect(edit(before, { outputTokensMax: cap })).toEqual({ path: PATH, body: after });
  });

  it("asks for a stream of events in the path", () => {
    const path = "/v1beta/models/gemini-2.5-pro:streamGenerateContent";
    expect(edit("{}", { forceStream: true })).toEqual({ path: `${path}?alt=sse`, body: "{}" });
    const pretty = edit("{}", { forceStream: true }, `${PATH}?prettyPrint=false`);
    expect(pretty.path).toBe(`${path}?prettyPrint=false&alt=sse`);
    expect(edit("{}", { forceStream: true }, path).path).toBe(path);
  });

  it("names another model in the path, and where an embedding repeats it", () => {
    expect(edit("{}", { model: "gemini-2.5-flash" }).path).toBe("/v1beta/models/gemini-2.5-flash:generateContent");
    const path = "/v1beta/models/a:batchEmbedContents";
    expect(edit('{"requests":[{"model":"models/a","content":{}}]}', { model: "b" }, path)).toEqual({
      path: "/v1beta/models/b:batchEmbedContents",
      body: '{"requests":[{"model":"models/b","content":{}}]}',
    });
  });

  it("hands on the same buffer where nothing has to change", () => {
    const raw = Buffer.from("{}");
    const route = gemini.route(PATH) as Route;
    expect(gemini.editRequest(route, {}, raw, { includeUsage: true, forceStream: true }).body).toBe(raw);
  });
});
