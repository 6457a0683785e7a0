import { rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sampleIntent, sampleOutcome } from "../ledger/sample-records.ts";
import { SPOOL_START } from "./position.ts";
import { readSpool } from "./read-spool.ts";
import { segmentPath } from "./segment.ts";
import { openSpool } from "./spool.ts";

/** For spool.test.ts, run on a small file system of its own: fills it under the spool, and reports what was kept. */
const dir = process.argv[2] ?? "";
const spool = await openSpool({ dir });
const filler = join(dir, "filler");
const free = statfsSync(dir).bavail * statfsSync(dir).bsize;
writeFileSync(filler, Buffer.alloc(free - 400 * 1024));

let acknowledged = 0;
let ended = 0;
let refusedAt = 0;
const outcomes: Promise<void>[] = [];
while (refusedAt === 0) {
  // Several a turn, with outcomes among them: a batch of which only the first frames still fit is taken back as a whole, and its
  // outcomes are written all the same.
  const intents = [0, 1, 2, 3, 4].map((i) => spool.append(sampleIntent(acknowledged + i)));
  while (ended < acknowledged) outcomes.push(spool.append(sampleOutcome(ended++)));
  const started = performance.now();
  const results = await Promise.allSettled(intents);
  if (results.some((result) => result.status === "rejected")) refusedAt = performance.now() - started;
  else acknowledged += intents.length;
}
while (ended < acknowledged) outcomes.push(spool.append(sampleOutcome(ended++)));
await Promise.all(outcomes);
const { size } = statSync(segmentPath(dir, spool.end().segment));
const endOffset = spool.end().offset;

rmSync(filler);
let admittedAgain = false;
for (let tries = 0; tries < 40 && !admittedAgain; tries++) {
  await new Promise((resolve) => setTimeout(resolve, 50));
  admittedAgain = spool.state().refusing === null;
}
await spool.close();

const kept = { intent: 0, outcome: 0 };
for await (const { record } of readSpool(dir, SPOOL_START))
  if (record.t === "intent" || record.t === "outcome") kept[record.t]++;
process.stdout.write(
  JSON.stringify({
    refusedAfterMs: refusedAt,
    intentsAcknowledged: acknowledged,
    intentsWritten: kept.intent,
    outcomesWritten: kept.outcome,
    admittedAgain,
    bytesBehindEnd: size - endOffset,
  }),
);
