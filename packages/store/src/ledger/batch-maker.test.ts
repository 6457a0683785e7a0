import { expect, test } from "vitest";
import { NOTHING_RECORDED } from "../spool/open-calls.ts";
import type { SpoolFrame } from "../spool/read-spool.ts";
import type { SpoolRecord } from "../spool/records.ts";
import type { Batch } from "./append-batch.ts";
import { BatchMaker } from "./batch-maker.ts";
import { sampleBlocked, sampleDecision, sampleIntent } from "./sample-records.ts";

const NODE = "0".repeat(32);
const at = (offset: number): SpoolFrame["position"] => ({ segment: 1, offset });

function frames(from: number, records: readonly SpoolRecord[]): SpoolFrame[] {
  return records.map((record, i) => ({ record, position: at(from + i), end: at(from + i + 1) }));
}

test("a batch says what was so when it was made, whatever the frames behind it do before it is written", () => {
  const maker = new BatchMaker(NODE, { ...NOTHING_RECORDED, floods: {} }, () => undefined);
  const flood = Array.from({ length: 60 }, (_, n) => sampleBlocked(100 + n, { timeMs: 1_795_000_000_000 }));
  const decision = sampleDecision(1);
  const first = maker.make(frames(8, [sampleIntent(1), ...flood]), at(100), Date.now(), false, true) as Batch;
  const before = structuredClone(first);
  const second = maker.make(
    frames(100, [{ t: "extend", decision, usd: "100", tokens: "10" }, ...flood]),
    at(200),
    Date.now() + 5000,
    false,
  ) as Batch;
  expect(first).toEqual(before);
  expect(first.stored).toMatchObject([{ reservedUsd: 1000n, reservedTokens: 500n }]);
  expect(second.stored).toMatchObject([{ reservedUsd: 1100n, reservedTokens: 510n }]);
});
