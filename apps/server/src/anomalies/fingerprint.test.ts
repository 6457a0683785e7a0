import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSpool, type Spool } from "@tollhouse/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ConsideredCall } from "../gateway/considered-call.ts";
import { sampleCall, sampleGateway } from "../gateway/sample-call.ts";
import { createFingerprint } from "./fingerprint.ts";

let dir: string;
let spool: Spool;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "tollhouse-fingerprint-"));
  spool = await openSpool({ dir });
});
afterAll(async () => {
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
});

const fingerprint = createFingerprint(Buffer.alloc(32, 1));

function sample(over: Partial<ConsideredCall> = {}): ConsideredCall {
  const body = { model: "gpt-4o-mini", messages: [{ role: "user", content: "the text" }] };
  return { ...sampleCall(sampleGateway({ spool }), { body }), ...over };
}

test("the same request has the same fingerprint, and every byte, model, endpoint and provider its own", () => {
  const one = sample();
  expect(fingerprint(one)).toBe(fingerprint(sample()));
  const raw = Buffer.from(one.raw as Buffer);
  raw[raw.length - 5]! ^= 1;
  const others = [
    sample({ raw }),
    sample({ provider: "azure" }),
    sample({ facts: { ...one.facts, model: "gpt-4o" } }),
    sample({ facts: { ...one.facts, endpoint: "completions" } }),
  ];
  expect(new Set([one, ...others].map(fingerprint)).size).toBe(5);
});

test("another tenant's key makes another fingerprint, and none holds the text", () => {
  const one = sample();
  const made = fingerprint(one) ?? "";
  expect(createFingerprint(Buffer.alloc(32, 2))(one)).not.toBe(made);
  expect([made.length, made.includes("the text")]).toEqual([43, false]);
});

test("a request that is not here is what its sender calls it, and without that nobody knows", () => {
  const named = (text: string | null): string | null => fingerprint(sample({ raw: null, fingerprint: text }));
  expect(named(null)).toBeNull();
  expect(named("a")).toBe(named("a"));
  expect(named("a")).not.toBe(named("b"));
});
