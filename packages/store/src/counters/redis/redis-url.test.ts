import { expect, test } from "vitest";
import { readRedisUrls } from "./redis-url.ts";

test("one URL is a server, with user, password, database and TLS; several are a cluster", () => {
  expect(readRedisUrls(["rediss://us%40er:p%40ss@r.example:6380/2"])).toEqual({
    kind: "single",
    addresses: [{ host: "r.example", port: 6380 }],
    tls: true,
    username: "us@er",
    password: "p@ss",
    database: 2,
  });
  expect(readRedisUrls(["redis://a", "redis://[::1]:7001"])).toMatchObject({
    kind: "cluster",
    addresses: [
      { host: "a", port: 6379 },
      { host: "::1", port: 7001 },
    ],
    tls: false,
  });
});

test.each([
  [[], /expected a URL/],
  [["http://a"], /redis:\/\/ or rediss/],
  [["redis://:s3cret@a/x"], /number of a database/],
  [["redis://a/1", "redis://b/1"], /none for a cluster/],
  [["redis://a", "rediss://b"], /same protocol/],
])("%j is refused, and no password is repeated", (urls, expected) => {
  expect(() => readRedisUrls(urls)).toThrow(expected);
  expect(() => readRedisUrls(urls)).not.toThrow(/s3cret/);
});
