import { expect, test } from "vitest";
import { forwardedHeaders, headerOf } from "./response-headers.ts";

const raw = (...parts: string[]): Buffer[] => parts.map((part) => Buffer.from(part, "latin1"));

test.each([
  "Connection",
  "keep-alive",
  "Transfer-Encoding",
  "trailer",
  "te",
  "upgrade",
  "proxy-authenticate",
  "content-length",
  "Set-Cookie",
  "alt-svc",
  "strict-transport-security",
  "access-control-allow-origin",
  "Date",
])("%s describes the hop and stays there", (name) => {
  expect(forwardedHeaders(raw(name, "x"), false)).toEqual([]);
});

test.each(["x-tollhouse-decision", "X-Tollhouse-Cost", "x-tollhouse-budget", "X-TOLLHOUSE-anything"])(
  "a provider cannot speak in our name: %s",
  (name) => {
    expect(forwardedHeaders(raw(name, "0.000000000"), false)).toEqual([]);
  },
);

test("everything else is passed on as it was spelled, repeated names and bytes above ASCII included", () => {
  const parts = [
    "Content-Type",
    "text/event-stream",
    "x-request-id",
    "r\u00e9q",
    "x-ratelimit",
    "1",
    "x-ratelimit",
    "2",
  ];
  expect(forwardedHeaders(raw(...parts), false)).toEqual(parts);
  expect(forwardedHeaders(parts, false)).toEqual(parts);
});

test("an assembled answer does not get the stream's content type", () => {
  expect(forwardedHeaders(raw("CONTENT-type", "text/event-stream", "x-a", "1"), true)).toEqual(["x-a", "1"]);
});

test("a header is found whatever its case; a missing one is null", () => {
  expect(headerOf(raw("X-A", "1", "Content-Type", "a/b"), "content-type")).toBe("a/b");
  expect(headerOf(["Content-Type", "a/b"], "content-type")).toBe("a/b");
  expect(headerOf(raw("content-type-x", "1"), "content-type")).toBeNull();
});

test("names that a provider makes up change nothing for the names that are dropped", () => {
  for (let n = 0; n < 2_500; n++)
    expect(forwardedHeaders(raw(`x-made-up-${n}`, "a", "X-Tollhouse-Cost", "b", "Set-Cookie", "c"), false)).toEqual([
      `x-made-up-${n}`,
      "a",
    ]);
});
