import type { Dimension, Dimensions } from "@tollhouse/contract";
import { expect, test } from "vitest";
import { bindDimensions } from "./bind-dimensions.ts";
import { grantOf, type KeyGrant } from "./key-grant.ts";

function grant(fixed: Dimensions, settable: Dimension[] | null): KeyGrant {
  const rules = { name: "k", permissions: [], models: null, requests_per_minute: null, tokens_per_minute: null };
  const times = { previousUntilMs: null, expiresMs: null, revokedMs: null, createdMs: 0 };
  const hashes = { hash: new Uint8Array(32), previousHash: null };
  const key = {
    id: "key_1",
    environment: "dev",
    version: 1,
    rules: { ...rules, fixed, settable },
    ...times,
    ...hashes,
  };
  return grantOf("0".repeat(32), key, null);
}

test.each<[string, Dimensions, Dimension[] | null, Dimensions, Dimensions, Dimension[]]>([
  ["nothing is fixed, all may be set", {}, null, { team: "a" }, { team: "a" }, []],
  ["a fixed value is there without a header", { team: "a" }, null, {}, { team: "a" }, []],
  ["a header does not change what is fixed", { team: "a" }, null, { team: "b" }, { team: "a" }, ["team"]],
  ["also where it is called settable", { team: "a" }, ["team"], { team: "b" }, { team: "a" }, ["team"]],
  ["a header that says the same is no spoof", { team: "a" }, [], { team: "a" }, { team: "a" }, []],
  ["what may not be set is dropped", {}, ["user"], { user: "u", session: "s" }, { user: "u" }, ["session"]],
  ["no dimension may be set", {}, [], { user: "u", team: "t" }, {}, ["user", "team"]],
  [
    "both at once",
    { team: "a" },
    ["user"],
    { team: "b", user: "u", agent: "x" },
    { team: "a", user: "u" },
    ["agent", "team"],
  ],
])("%s", (_, fixed, settable, said, bound, ignored) => {
  const dimensions = { ...said };
  expect(bindDimensions(grant(fixed, settable), dimensions)).toEqual(ignored);
  expect(dimensions).toEqual(bound);
});
