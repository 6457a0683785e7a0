import { DIMENSION_HEADERS, DIMENSIONS, type Dimension } from "@tollhouse/contract";
import { describe, expect, test } from "vitest";
import { readRequestHeaders, type RequestHeaders } from "./request-headers.ts";

function read(...headers: readonly (readonly [string, string])[]): RequestHeaders {
  return readRequestHeaders(headers.flat());
}

describe("dimensions", () => {
  const named = DIMENSIONS.flatMap((name) =>
    DIMENSION_HEADERS[name].map((header, rank): [string, Dimension, number] => [header, name, rank]),
  );

  test.each(named)("%s says the %s, in any case", (header, name) => {
    for (const spelled of [header, header.toUpperCase()])
      expect(read([spelled, "value"]).dimensions).toEqual({ [name]: "value" });
  });

  test.each(named)(
    "%s (%s, rank %i) gives way to every name before it, whatever their order on the wire",
    (header, name, rank) => {
      for (const better of DIMENSION_HEADERS[name].slice(0, rank)) {
        expect(read([header, "alias"], [better, "first"]).dimensions[name]).toBe("first");
        expect(read([better, "first"], [header, "alias"]).dimensions[name]).toBe("first");
      }
    },
  );

  test("an empty value says nothing, so that the alias counts", () => {
    expect(read(["x-tollhouse-user", ""], ["x-user-id", "ada"]).dimensions).toEqual({ user: "ada" });
  });

  test("of one header sent twice the first counts", () => {
    expect(read(["x-session-id", "one"], ["x-session-id", "two"]).dimensions).toEqual({ session: "one" });
  });
});

describe("what goes upstream", () => {
  test("only what providers read: no cookie, no forwarding chain, no credential, nothing of ours", () => {
    const ours = [...Object.values(DIMENSION_HEADERS).flat(), "x-tollhouse-plan", "x-tollhouse-include-cost"];
    const kept = [
      "cookie",
      "x-forwarded-for",
      "forwarded",
      "via",
      "host",
      "origin",
      "connection",
      "proxy-authorization",
    ];
    const credentials = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];
    const encodings = ["content-type", "content-length", "content-encoding", "transfer-encoding", "accept-encoding"];
    const all = [...ours, ...kept, ...credentials, ...encodings, "x-tollhouse-anything", "x-stainless"];
    expect(read(...all.map((name) => [name, "v"] as const)).forward).toEqual([]);
  });

  test("a provider's own headers go on as they were spelled", () => {
    const sent = [
      ["Anthropic-Version", "2023-06-01"],
      ["X-Stainless-Lang", "js"],
      ["user-agent", "a/1"],
    ] as const;
    expect(read(...sent).forward).toEqual(sent.flat());
  });

  test("what chooses whose account pays is kept apart from them", () => {
    const payer = [
      ["OpenAI-Organization", "org-1"],
      ["openai-project", "proj-1"],
      ["x-goog-user-project", "p"],
    ] as const;
    expect(read(["accept", "d"], ...payer)).toMatchObject({ forward: ["accept", "d"], payer: payer.flat() });
    expect(read(["accept", "d"]).payer).toBeNull();
  });
});

describe("the credential", () => {
  test.each([
    ["Authorization", "Bearer sk-1", "sk-1"],
    ["authorization", "bearer sk-1", "sk-1"],
    ["authorization", "BEARER sk-1", "sk-1"],
    ["authorization", "Bearer   sk-1 ", "sk-1"],
    ["authorization", "sk-1", "sk-1"],
    ["x-api-key", "sk-1", "sk-1"],
    ["x-api-key", " sk-1", "sk-1"],
    ["api-key", "sk-1", "sk-1"],
    ["X-Goog-Api-Key", "sk-1", "sk-1"],
  ])("%s: %j is %s", (name, value, credential) => {
    expect(read([name, value]).credential).toBe(credential);
  });

  test("the first one counts, and no other is kept anywhere", () => {
    const headers = read(["x-api-key", "first"], ["authorization", "Bearer second"]);
    expect(headers.credential).toBe("first");
    expect(JSON.stringify(headers)).not.toContain("second");
  });

  test.each(["", "Bearer", "Bearer "])("authorization: %j names none", (value) => {
    expect(read(["authorization", value]).credential).toBeNull();
  });
});

test("the fields of the call itself are read, and missing ones are known to be missing", () => {
  expect(readRequestHeaders([])).toMatchObject({ host: "", contentLength: -1, contentType: "", contentEncoding: null });
  expect(
    read(
      ["Host", "localhost:8787"],
      ["Content-Length", "12"],
      ["Content-Type", "application/json"],
      ["Content-Encoding", "gzip"],
      ["X-Tollhouse-Include-Cost", "TRUE"],
      ["origin", "http://a.test"],
    ),
  ).toMatchObject({
    host: "localhost:8787",
    contentLength: 12,
    contentType: "application/json",
    contentEncoding: "gzip",
    includeCost: true,
    origin: "http://a.test",
  });
  expect(read(["content-encoding", "identity"], ["x-tollhouse-include-cost", "1"])).toMatchObject({
    contentEncoding: null,
    includeCost: false,
  });
});

test("names that a client makes up change nothing for the names that count", () => {
  for (let n = 0; n < 2_500; n++) {
    const { forward, dimensions } = read(
      [`x-made-up-${n}`, "a"],
      ["X-Tollhouse-User", "ada"],
      ["x-stainless-", "b"],
      ["X-Stainless-OS", "c"],
      ["accept", "d"],
    );
    expect([forward, dimensions]).toEqual([["X-Stainless-OS", "c", "accept", "d"], { user: "ada" }]);
  }
});
