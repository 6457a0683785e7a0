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
    sentinel: null,
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

test("Sentinels know the master by its name, and may ask for another password than it does", () => {
  const urls = ["redis+sentinel://u:p@s1/counters/3?sentinel_password=s%26p", "redis+sentinel://s2:5000/counters"];
  expect(readRedisUrls(urls)).toEqual({
    kind: "sentinel",
    addresses: [
      { host: "s1", port: 26_379 },
      { host: "s2", port: 5_000 },
    ],
    tls: false,
    username: "u",
    password: "p",
    database: 3,
    sentinel: { master: "counters", username: undefined, password: "s&p" },
  });
  expect(readRedisUrls(["rediss+sentinel://s1/m"])).toMatchObject({ kind: "sentinel", tls: true });
});

test.each([
  [["redis://a?x=1"], /no parameters/],
  [["redis+sentinel://a/m?password=s3cret"], /no parameters but sentinel_username/],
  [["redis+sentinel://a"], /name of the master/],
  [["redis+sentinel://a/m", "redis+sentinel://b/n"], /name of the master/],
  [["redis+sentinel://a/m", "redis://b"], /same protocol/],
  [[], /expected a URL/],
  [["http://a"], /redis:\/\/ or rediss/],
  [["redis://:s3cret@a/x"], /number of a database/],
  [["redis://a/1", "redis://b/1"], /none for a cluster/],
  [["redis://a", "rediss://b"], /same protocol/],
])("%j is refused, and no password is repeated", (urls, expected) => {
  expect(() => readRedisUrls(urls)).toThrow(expected);
  expect(() => readRedisUrls(urls)).not.toThrow(/s3cret/);
});
