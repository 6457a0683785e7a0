import { expect, test } from "vitest";
import { readTarget } from "./request-target.ts";

test.each([
  ["/v1/models?a=b", "/v1/models?a=b", null],
  ["//evil.example/v1", "//evil.example/v1", null],
  ["http://127.0.0.1:8787/v1/models?a=http://b/", "/v1/models?a=http://b/", "127.0.0.1:8787"],
  ["HTTPS://gate.example/health", "/health", "gate.example"],
  ["http://[::1]:8787", "/", "[::1]:8787"],
  ["http://localhost?a=b", "/?a=b", "localhost"],
  ["http://localhost\\@evil.example/", null, null],
  ["http://localhost:1@evil.example/health", null, null],
  ["http:///health", null, null],
  ["*", "*", null],
  ["ftp://localhost/health", "ftp://localhost/health", null],
  ["localhost:8787", "localhost:8787", null],
])("%s is asked for as %s, of %s", (target, url, authority) => {
  expect(readTarget(target)).toEqual(url === null ? null : { url, authority });
});
