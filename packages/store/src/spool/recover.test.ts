import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sampleIntent, sampleOutcome } from "../ledger/sample-records.ts";
import { NOTHING_RECORDED } from "./open-calls.ts";
import { SPOOL_START } from "./position.ts";
import { readSpool } from "./read-spool.ts";
import type { RecorderState } from "./open-calls.ts";
import { RECOVERED_DOUBT, recoverSpool, settleRecovered, type RecordedCalls } from "./recover.ts";
import type { OutcomeRecord } from "./records.ts";
import { openSpool } from "./spool.ts";
import type { Spool } from "./spool.ts";

const NOW = Date.UTC(2026, 10, 21, 7);
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function outcomes(): Promise<OutcomeRecord[]> {
  const found: OutcomeRecord[] = [];
  for await (const { record } of readSpool(dir, SPOOL_START)) if (record.t === "outcome") found.push(record);
  return found;
}

const nothingRecorded: RecordedCalls = () => Promise.resolve(new Set());

async function recover(spool: Spool, state: RecorderState = NOTHING_RECORDED): Promise<readonly OutcomeRecord[]> {
  return settleRecovered(spool, (await recoverSpool(spool, state, NOW, nothingRecorded)).calls, NOW);
}

test("an intent without an outcome is settled at all that was held, as estimated and in doubt", async () => {
  const spool = await openSpool({ dir });
  const open = sampleIntent(1);
  void spool.append(open);
  void spool.append({ t: "extend", decision: open.decision, usd: "250", tokens: "64" });
  void spool.append({ t: "extend", decision: open.decision, usd: "1", tokens: "0" });
  void spool.append(sampleIntent(2));
  await spool.append(sampleOutcome(2));

  expect(await recover(spool)).toHaveLength(1);

  expect((await outcomes()).at(-1)).toMatchObject({
    decision: open.decision,
    end: "settled",
    source: "estimated",
    cost: "1251",
    usage: { output: 564 },
    doubt: RECOVERED_DOUBT,
    deltas: ["1251", "564", "1"],
  });
  await spool.close();
});

test("recovering again, or after a kill in the middle of it, ends every call once", async () => {
  const spool = await openSpool({ dir });
  for (let n = 0; n < 5; n++) await spool.append(sampleIntent(n));
  await recover(spool);
  await spool.append(sampleIntent(5));
  await spool.close();
  const again = await openSpool({ dir });
  await recover(again);
  await recover(again);
  await again.close();
  const ended = (await outcomes()).map((outcome) => outcome.decision);
  expect(ended.toSorted()).toEqual([0, 1, 2, 3, 4, 5].map((n) => sampleIntent(n).decision));
});

test("a call without a price stays of unknown cost: never zero", async () => {
  const spool = await openSpool({ dir });
  await spool.append(sampleIntent(1, { priceVersion: null, reservedUsd: "0" }));
  await recover(spool);
  expect((await outcomes())[0]).toMatchObject({ cost: null, source: "estimated" });
  await spool.close();
});

test("a call kept in the database counts extensions from before that place once, and later ones too", async () => {
  const spool = await openSpool({ dir });
  const intent = sampleIntent(1);
  const extend = { t: "extend", decision: intent.decision, usd: "10", tokens: "0" } as const;
  await spool.append(intent);
  await spool.append(extend);
  const done = spool.end();
  await spool.append(extend);
  const state = { start: SPOOL_START, done, open: [{ intent, reservedUsd: 1010n, reservedTokens: 500n }] };
  expect(await recover(spool, state)).toMatchObject([{ cost: "1020" }]);
  await spool.close();
});

test("what a limit that came since must count is told by whoever counts, in the outcome that ends the call", async () => {
  const spool = await openSpool({ dir });
  await spool.append(sampleIntent(1));
  const { calls } = await recoverSpool(spool, NOTHING_RECORDED, NOW, nothingRecorded);
  const counted: bigint[] = [];
  await settleRecovered(spool, calls, NOW, (_, held) => {
    counted.push(held.usd);
    return [{ limit: "lim_new", window: "lifetime", amount: held.usd.toString() }];
  });
  expect(counted).toEqual([1000n]);
  expect((await outcomes()).at(-1)?.late).toEqual([{ limit: "lim_new", window: "lifetime", amount: "1000" }]);
  await spool.close();
});

test("a call whose end the disk lost, and the ledger has, is ended in the spool and left to nobody who counts", async () => {
  const spool = await openSpool({ dir });
  await spool.append(sampleIntent(1));
  await spool.append(sampleIntent(2));
  await spool.append(sampleIntent(3, { expiresMs: NOW + 60_000 }));
  const [one, , three] = [1, 2, 3].map((n) => sampleIntent(n).decision) as [string, string, string];
  const recorded: RecordedCalls = (calls) =>
    Promise.resolve(new Set([one, three].filter((id) => calls.some(({ intent }) => intent.decision === id))));
  const found = await recoverSpool(spool, NOTHING_RECORDED, NOW, recorded);
  expect(found.calls.map(({ intent }) => intent.decision)).toEqual([sampleIntent(2).decision]);
  expect(found.checks).toEqual([]);
  // The next start does not ask again.
  expect((await outcomes()).map(({ decision }) => decision)).toEqual([one, three]);
  expect((await recoverSpool(spool, NOTHING_RECORDED, NOW, recorded)).calls).toHaveLength(1);
  expect(await outcomes()).toHaveLength(2);
  await spool.close();
});
