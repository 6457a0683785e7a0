import { writeSync } from "node:fs";
import { openDatabase } from "../database/database.ts";
import { recoverSpool, settleRecovered } from "../spool/recover.ts";
import { openSpool } from "../spool/spool.ts";
import { recordedCalls } from "./recorded-calls.ts";
import { loadRecorderState } from "./recorder-state.ts";
import { startRecorder } from "./recorder.ts";
import { sampleBlocked, sampleIntent, sampleOutcome } from "./sample-records.ts";

/**
 * For crash.real.test.ts, which kills it at a random moment: starts as a gateway does, makes calls, and says on stdout what was
 * acknowledged (`i n` an intent, `o n` an outcome, `b n` a blocked call). `finish`: recovers, drains and ends.
 */
const [dir = "", url = "", first = "0", task = "calls"] = process.argv.slice(2);
const say = (line: string): unknown => writeSync(1, `${line}\n`);
const spool = await openSpool({ dir, segmentBytes: 64 * 1024 });
const database = await openDatabase({ url }, { connectionsMax: 1 });
const state = await loadRecorderState(database, spool.node);
const { calls } = await recoverSpool(spool, state, Date.now(), (left) => recordedCalls(database, left));
const settled = await settleRecovered(spool, calls, Date.now());
await database.close();
const masterKey = Buffer.alloc(32, 7);
const recorder = startRecorder({ spool, databaseUrl: url, masterKey, onError: (message) => say(`# ${message}`) });
say(`r ${settled.length}`);
if (task === "finish") {
  await recorder.drained();
  await recorder.stop();
  await spool.close();
  process.exit(0);
}

async function call(n: number): Promise<void> {
  if (n % 10 === 9) {
    await spool.append(sampleBlocked(n, { timeMs: Date.now() }));
    return void say(`b ${n}`);
  }
  await spool.append(sampleIntent(n));
  say(`i ${n}`);
  await new Promise((resolve) => setTimeout(resolve, n % 50 === 0 ? 1500 : n % 20));
  if (n % 3 === 0) void spool.append({ t: "extend", decision: sampleIntent(n).decision, usd: "7", tokens: "3" });
  await spool.append(sampleOutcome(n));
  say(`o ${n}`);
}

for (let n = Number(first); ; n++) {
  void call(n);
  if (n % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
}
