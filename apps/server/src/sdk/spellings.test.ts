import { describe, expect, test } from "vitest";
import { Problem } from "../control/problem.ts";
import { camelOf, respelled, snakeOf, spelled } from "./spellings.ts";

/** The field that a body is refused by. */
function refusedBy(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    return error instanceof Problem ? error.fields[0]?.field : String(error);
  }
  return undefined;
}

describe("a body", () => {
  test.each([
    [{ maxOutputTokens: 5 }, { max_output_tokens: 5 }],
    [{ max_tokens: 5 }, { max_output_tokens: 5 }],
    [
      { userId: "u", org_id: "c" },
      { user: "u", customer: "c" },
    ],
    [{ messages: [] }, { input: [] }],
    [{ dimensions: { sessionId: "s", team: "t" } }, { session: "s", team: "t" }],
    [{ usageMetadata: { a: 1 } }, { usage: { a: 1 } }],
    // What is no field keeps its name: the schema refuses it by that.
    [
      { madeUp: 1, toString: 2 },
      { madeUp: 1, toString: 2 },
    ],
  ])("%j is read as %j", (body, read) => expect(spelled(body)).toEqual(read));

  test.each([
    [{ user: "a", userId: "a" }, "userId"],
    [{ maxTokens: 1, max_output_tokens: 1 }, "max_output_tokens"],
    [{ user: "a", dimensions: { user: "b" } }, "dimensions.user"],
    [{ dimensions: [] }, "dimensions"],
    [{ dimensions: { colour: "red" } }, "dimensions.colour"],
  ])("%j is refused by the name %s", (body, field) => expect(refusedBy(() => spelled(body))).toBe(field));

  test("of /usage may have its counts beside the other fields, or in one object, and not both", () => {
    expect(spelled({ promptTokens: 1, model: "m" }, true)).toEqual({ model: "m", usage: { prompt_tokens: 1 } });
    expect(spelled({ prompt_tokens: 1 })).toEqual({ prompt_tokens: 1 });
    expect(refusedBy(() => spelled({ usage: {}, completionTokens: 1 }, true))).toBe("completionTokens");
    expect(refusedBy(() => spelled({ prompt_tokens: 1, promptTokens: 1 }, true))).toBe("promptTokens");
  });

  test("a key named __proto__ is a field like any other, and changes nothing", () => {
    const body = JSON.parse('{"__proto__": {"allowed": true}}') as Record<string, unknown>;
    expect(({} as { allowed?: boolean }).allowed).toBeUndefined();
    expect(refusedBy(() => spelled(body))).toBe("__proto__");
  });
});

describe("a usage object", () => {
  test("is read at every depth", () => {
    const camel = { promptTokens: 1, promptTokensDetails: [{ tokenCount: 1 }] };
    const snake = { prompt_tokens: 1, prompt_tokens_details: [{ token_count: 1 }] };
    expect(respelled(camel, snakeOf, "usage")).toEqual(snake);
    expect(respelled(snake, camelOf, "usage")).toEqual(camel);
  });

  test("with two spellings of one count is refused by name, at every depth", () => {
    const twice = { details: [{ cachedTokens: 1, cached_tokens: 2 }] };
    expect(refusedBy(() => respelled(twice, snakeOf, "usage"))).toBe("usage.details.0.cached_tokens");
  });
});
