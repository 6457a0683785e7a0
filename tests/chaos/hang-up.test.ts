import { simulatorProcess, tollhouseProcess, type SimulatorProcess, type TollhouseProcess } from "@tollhouse/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { STREAM_DIALECTS, streamAsk, type StreamDialect } from "./asks.ts";
import {
  atRest,
  costOf,
  expectCountersAreTheFold,
  expectVerifies,
  makeLimit,
  pairUp,
  recordedCalls,
  sum,
  usd,
  type Pair,
} from "./audit.ts";
import { inParallel, send } from "./client.ts";
import { Random } from "./random.ts";
import { LONG, SEED } from "./rounds.ts";

const STREAMS = LONG ? 10_000 : 60;
const MS_MAX = Math.max(180_000, STREAMS * 400);
const WIDTH = 64;
const TOKENS_MAX = 300;
/** What a token is wrapped in, so that a random byte is anywhere in the stream. */
const BYTES_PER_TOKEN: Readonly<Record<StreamDialect, number>> = {
  chat: 310,
  completions: 220,
  responses: 250,
  messages: 130,
  generate: 310,
};

let simulator: SimulatorProcess;
let tollhouse: TollhouseProcess;

/** Returns what ends it. */
async function start(drainsMax: number, tokensPerSecond?: number): Promise<() => Promise<void>> {
  simulator = await simulatorProcess(tokensPerSecond === undefined ? {} : { tokensPerSecond });
  const env = { TOLLHOUSE_DRAIN_CALLS_MAX: String(drainsMax) };
  tollhouse = await tollhouseProcess({ providers: simulator.url, env });
  await makeLimit(tollhouse, "org", "1000.00");
  return async () => {
    await tollhouse.remove();
    await simulator.close();
  };
}

describe("read on to the end", () => {
  beforeAll(() => start(10_000));
  test.each(STREAM_DIALECTS)(
    `${STREAMS} clients of %s that hang up at a random byte: every call settled, at the provider's bill to the nano-dollar`,
    { timeout: MS_MAX },
    async (dialect) => {
      const pairs = await hangUps(dialect);
      expect(pairs).toHaveLength(STREAMS);
      for (const { recorded, billed } of pairs) {
        expect(billed.finished, billed.callId).toBe("complete");
        expect(recorded.usage_source, billed.callId).toBe("reported");
        expect(costOf(recorded), billed.callId).toBe(billed.cost);
      }
    },
  );
});

describe("past the bounds of reading on", () => {
  // At a speed: a stream that is over when its client leaves cannot be aborted.
  beforeAll(() => start(0, 200));
  test.each(STREAM_DIALECTS)(
    `${STREAMS} clients of %s that hang up at a random byte: every call settled, counted within 10 % of the bill`,
    { timeout: MS_MAX },
    async (dialect) => {
      const pairs = await hangUps(dialect);
      expect(pairs.filter(({ recorded }) => recorded.outcome !== "settled")).toEqual([]);
      const bySource = Map.groupBy(pairs, ({ recorded }) => recorded.usage_source);
      const counted = bySource.get("counted") ?? [];
      // Not vacuous; how many end before the abort is a matter of the machine.
      expect(counted.length, "streams that were aborted").toBeGreaterThan(STREAMS / 10);
      expectWithinTenPercent(dialect, counted);
      // Left before the answer began: nothing could be counted, so it stands at what was reserved, never below the bill.
      for (const { recorded, billed } of bySource.get("estimated") ?? [])
        expect(costOf(recorded), billed.callId).toBeGreaterThanOrEqual(billed.cost);
      for (const { recorded, billed } of bySource.get("reported") ?? [])
        expect(costOf(recorded), billed.callId).toBe(billed.cost);
    },
  );
});

/** All streams left at some byte. Returns both sides of each call of this dialect, at rest. */
async function hangUps(dialect: StreamDialect): Promise<Pair[]> {
  const { url } = tollhouse;
  const random = new Random(SEED);
  const calls = Array.from({ length: STREAMS }, (_, at) => {
    const output_tokens = random.between(1, TOKENS_MAX);
    const leaveAfterBytes = random.between(0, output_tokens * BYTES_PER_TOKEN[dialect]);
    return { ask: streamAsk(dialect, { id: `${dialect}-${at}`, steering: { output_tokens } }), leaveAfterBytes };
  });
  await inParallel(calls, WIDTH, async ({ ask, leaveAfterBytes }) => {
    await send(url, ask, { leaveAfterBytes });
  });
  await atRest(tollhouse);
  await expectCountersAreTheFold(tollhouse);
  await expectVerifies(tollhouse);
  const pairs = pairUp(await recordedCalls(tollhouse), simulator.bill());
  return pairs.filter(({ billed }) => billed.callId.startsWith(`${dialect}-`));
}

/** Nobody tells what an aborted stream cost: the count must be near what is billed, over all of them. */
function expectWithinTenPercent(dialect: string, pairs: readonly Pair[]): void {
  const recorded = sum(pairs.map((pair) => costOf(pair.recorded)));
  const billed = sum(pairs.map((pair) => pair.billed.cost));
  const gap = recorded - billed;
  process.stdout.write(
    `${dialect}: ${pairs.length} counted, recorded ${usd(recorded)}, billed ${usd(billed)}, gap ${usd(gap)}\n`,
  );
  expect((gap < 0n ? -gap : gap) * 10n, usd(gap)).toBeLessThanOrEqual(billed);
}
