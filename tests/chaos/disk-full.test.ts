import { execFileSync } from "node:child_process";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  simulatorProcess,
  testDatabase,
  tollhouseProcess,
  type SimulatorProcess,
  type TestDatabase,
  type TollhouseProcess,
} from "@tollhouse/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { streamAsk, wholeAsk } from "./asks.ts";
import { atRest, costOf, expectCountersAreTheFold, expectVerifies, makeLimit, pairUp, recordedCalls } from "./audit.ts";
import { inParallel, send, type Answer } from "./client.ts";
import { LONG } from "./rounds.ts";

/** Room for the ballast (4 MiB) and some records beside it. */
const DISK_MIB = 12;
const CALLS_FULL = LONG ? 10_000 : 300;
const STREAMS_OPEN = 50;
const STREAM_TOKENS = 100;
const REFUSED_MS_MAX = 60_000;
const AGAIN_MS_MAX = 60_000;

const asRoot = process.getuid?.() === 0 ? [] : ["-r"];
const mayMount = ((): boolean => {
  try {
    execFileSync("unshare", [...asRoot, "-m", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

let simulator: SimulatorProcess;
let database: TestDatabase;
let tollhouse: TollhouseProcess;

// A mount namespace of its own: nothing is left mounted, however the test ends. Where there is none, spool.test.ts has the size cap.
describe.runIf(mayMount)("the spool on a disk of its own", () => {
  beforeAll(async () => {
    simulator = await simulatorProcess({ tokensPerSecond: 30 });
    database = await testDatabase();
    const mount = `mkdir -p spool && mount -t tmpfs -o size=${DISK_MIB}m tmpfs spool && exec "$@"`;
    tollhouse = await tollhouseProcess({
      providers: simulator.url,
      databaseUrl: database.url,
      inside: ["unshare", ...asRoot, "-m", "sh", "-c", mount, "sh"],
    });
    return async () => {
      await tollhouse.remove();
      await database.drop();
      await simulator.close();
    };
  });

  test(
    "a full disk refuses calls, sends nothing that it cannot record, keeps every end, and is over by itself",
    { timeout: LONG ? 600_000 : 240_000 },
    async () => {
      await makeLimit(tollhouse, "org", "1000.00");
      // Inside the server's own mounts.
      const spool = join("/proc", String(tollhouse.pid), "root", tollhouse.dataDir, "spool");
      const open = await streamsUnderWay();
      const filler = join(spool, "filler");
      fill(filler, spool);
      const refusal = await untilRefused();
      expect(refusal.status).toBe(503);
      expect(refusal.text).toContain("SPOOL_UNAVAILABLE");
      expect(await readiness()).toEqual([503, { ready: false, waiting_for: ["spool"] }]);

      const before = simulator.bill().length;
      const answers: Answer[] = [];
      await inParallel(named("full", CALLS_FULL), 30, async (id) => {
        answers.push(await send(tollhouse.url, wholeAsk("chat", { id, steering: { output_tokens: 1 } })));
      });
      expect(answers.filter(({ status }) => status !== 503)).toEqual([]);
      expect(simulator.bill().length, "calls that reached the provider").toBe(before);

      // Calls that were under way end as ever: what is kept back for them is enough.
      expect((await open.ended).filter(({ end, status }) => end !== "whole" || status !== 200)).toEqual([]);
      rmSync(filler);
      await expect
        .poll(readiness, { timeout: AGAIN_MS_MAX, interval: 20 })
        .toEqual([200, { ready: true, waiting_for: [] }]);
      const again = await send(tollhouse.url, wholeAsk("chat", { id: "again", steering: { output_tokens: 1 } }));
      expect(again.status).toBe(200);

      await atRest(tollhouse);
      const recorded = await recordedCalls(tollhouse);
      const pairs = pairUp(recorded, simulator.bill());
      expect(
        recorded.filter(({ outcome }) => outcome !== "blocked"),
        "intents",
      ).toHaveLength(pairs.length);
      for (const { recorded: call, billed } of pairs) expect(costOf(call), billed.callId).toBe(billed.cost);
      await expectCountersAreTheFold(tollhouse);
      await expectVerifies(tollhouse);
    },
  );
});

function named(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${prefix}-${at}`);
}

/** Resolves when all have begun. They are short enough never to ask for more than they hold. */
async function streamsUnderWay(): Promise<{ readonly ended: Promise<Answer[]> }> {
  const begun = Promise.withResolvers<void>();
  let running = 0;
  const onData = (_bytes: number, first: boolean): void => {
    if (first && ++running === STREAMS_OPEN) begun.resolve();
  };
  const ended = Promise.all(
    named("open", STREAMS_OPEN).map((id) => {
      return send(tollhouse.url, streamAsk("chat", { id, steering: { output_tokens: STREAM_TOKENS } }), { onData });
    }),
  );
  await begun.promise;
  return { ended };
}

function fill(filler: string, spool: string): void {
  const { bavail, bsize } = statfsSync(spool);
  writeFileSync(filler, Buffer.alloc(bavail * bsize, 1));
}

/** The last page of a file still takes some: the disk is full when a write fails. */
async function untilRefused(): Promise<Answer> {
  const deadline = performance.now() + REFUSED_MS_MAX;
  for (let at = 0; performance.now() < deadline; at++) {
    const ask = wholeAsk("chat", { id: `until-${at}`, steering: { output_tokens: 1 } });
    const answer = await send(tollhouse.url, ask);
    if (answer.status !== 200) return answer;
  }
  throw new Error(`expected a refusal within ${REFUSED_MS_MAX} ms`);
}

async function readiness(): Promise<[number, unknown]> {
  const response = await fetch(`${tollhouse.url}/ready`);
  return [response.status, await response.json()];
}
