import type { LimitAnswer } from "@tollhouse/contract";
import { chmod, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connectionUrl, startEmbedded, type EmbeddedPostgres } from "@tollhouse/store";
import { simulatorProcess, tollhouseProcess, type SimulatorProcess, type TollhouseProcess } from "@tollhouse/testkit";
import { beforeAll, expect, test } from "vitest";
import { STREAM_DIALECTS, streamAsk, WHOLE_ENDPOINTS, wholeAsk, type Ask } from "./asks.ts";
import {
  atRest,
  costOf,
  expectCountersAreTheFold,
  expectVerifies,
  expectWithin,
  limits,
  makeLimit,
  pairUp,
  recordedCalls,
} from "./audit.ts";
import { send, type Answer } from "./client.ts";
import { Random } from "./random.ts";
import { LONG, SEED } from "./rounds.ts";

/** Calls that must go through while the database is away. */
const CALLS_AWAY = LONG ? 20_000 : 400;
/** Where it is stopped it is so for as long as this at least, while as many calls a second come; 0: as fast as they go. */
const STOPPED_MS = LONG ? 600_000 : 0;
const CALLS_A_SECOND = LONG ? 200 : 0;
const LANES = LONG ? 40 : 10;
const ENDED_MS_MAX = LONG ? 3_600_000 : 60_000;
const LAG_MS_MAX = LONG ? 600_000 : 30_000;

let simulator: SimulatorProcess;
let dataDir: string;
let postgres: EmbeddedPostgres;
let tollhouse: TollhouseProcess;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "th-away-"));
  await chmod(dataDir, 0o711);
  postgres = await startPostgres();
  simulator = await simulatorProcess();
  tollhouse = await tollhouseProcess({ providers: simulator.url, databaseUrl: connectionUrl(postgres.connection) });
  await makeLimit(tollhouse, "org", "1000.00");
  return async () => {
    await tollhouse.remove();
    await simulator.close();
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
});

function startPostgres(): Promise<EmbeddedPostgres> {
  return startEmbedded({ dataDir, log: () => undefined });
}

interface Outage {
  readonly name: string;
  readonly forMs: number;
  readonly callsASecond: number;
  begin(): Promise<void>;
  end(): Promise<void>;
}

const outages: readonly Outage[] = [
  {
    name: LONG ? "stopped for ten minutes at 200 calls a second" : "stopped",
    forMs: STOPPED_MS,
    callsASecond: CALLS_A_SECOND,
    begin: () => postgres.stop(),
    end: async () => {
      postgres = await startPostgres();
    },
  },
  {
    // The connections stay open and say nothing: what a hung disk or a lost network looks like.
    name: "frozen",
    forMs: 0,
    callsASecond: 0,
    begin: () => signalAll("SIGSTOP"),
    end: () => signalAll("SIGCONT"),
  },
];

test.each(outages)(
  `PostgreSQL $name, for ${CALLS_AWAY} calls at least: all go through, and all are in the ledger once it is back, each once`,
  { timeout: 120_000 + ENDED_MS_MAX },
  async (outage) => {
    const random = new Random(SEED);
    const load = new Load((at) => askOf(`${outage.name.split(" ")[0]}-${at}`, random), outage.callsASecond);
    await load.ended(CALLS_AWAY / 4);
    const made = await limits(tollhouse);
    await outage.begin();
    const [before, since] = [load.answers.length, performance.now()];
    await load.ended(before + CALLS_AWAY);
    const longEnough = (): boolean => performance.now() - since >= outage.forMs;
    await expect.poll(longEnough, { timeout: outage.forMs + 60_000, interval: 100 }).toBe(true);
    const [away, seconds] = [load.answers.length - before, (performance.now() - since) / 1_000];
    // That many records, and more, wait in the spool: the database took none of them.
    expect(await tollhouse.metric("tollhouse_recorder_lag_records")).toBeGreaterThanOrEqual(CALLS_AWAY);
    // One limit is read from memory; a page of them would be a named 503 (reports-away.test.ts).
    expectWithin(
      await Promise.all(made.map(({ id }) => tollhouse.control<LimitAnswer>("GET", `/api/v1/limits/${id}`))),
    );
    const spoolBytes = await tollhouse.metric("tollhouse_spool_bytes");
    await outage.end();
    const back = performance.now();
    await load.ended(load.answers.length + CALLS_AWAY / 4);
    await load.stop();

    expect(load.answers.filter(({ status, end }) => status !== 200 || end !== "whole")).toEqual([]);
    await expect
      .poll(() => tollhouse.metric("tollhouse_recorder_lag_records"), { timeout: LAG_MS_MAX, interval: 50 })
      .toBe(0);
    const caughtUp = (performance.now() - back) / 1_000;
    console.log(
      `${away} calls in ${seconds.toFixed(0)} s without it, ${(spoolBytes / 2 ** 20).toFixed(0)} MiB of spool, all recorded ${caughtUp.toFixed(0)} s after its return`,
    );
    await atRest(tollhouse);
    const recorded = await recordedCalls(tollhouse);
    const pairs = pairUp(recorded, simulator.bill());
    expect(pairs).toHaveLength(recorded.length);
    // Gemini's embeddings tell no usage: those are counted.
    const told = pairs.filter(({ recorded: call }) => call.usage_source === "reported");
    expect(told.length).toBeGreaterThan(pairs.length / 2);
    expect(told.filter(({ recorded: call, billed }) => costOf(call) !== billed.cost)).toEqual([]);
    await expectCountersAreTheFold(tollhouse);
    await expectVerifies(tollhouse);
  },
);

function askOf(id: string, random: Random): Ask {
  const options = { id, steering: { output_tokens: random.between(1, 60) } };
  return random.next() < 0.5
    ? streamAsk(random.pick(STREAM_DIALECTS), options)
    : wholeAsk(random.pick(WHOLE_ENDPOINTS), options);
}

/** Calls in so many lanes, at so many a second or (0) without a pause, until it is stopped. */
class Load {
  readonly answers: Pick<Answer, "status" | "end">[] = [];
  readonly #startedAt = performance.now();
  readonly #callsASecond: number;
  readonly #lanes: Promise<void[]>;
  #stopped = false;
  #next = 0;

  constructor(askAt: (at: number) => Ask, callsASecond: number) {
    this.#callsASecond = callsASecond;
    this.#lanes = Promise.all(Array.from({ length: LANES }, () => this.#lane(askAt)));
  }

  async ended(count: number): Promise<void> {
    await expect.poll(() => this.answers.length, { timeout: ENDED_MS_MAX, interval: 10 }).toBeGreaterThanOrEqual(count);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#lanes;
  }

  async #lane(askAt: (at: number) => Ask): Promise<void> {
    while (!this.#stopped) {
      const at = this.#next++;
      if (this.#callsASecond > 0)
        await pause(Math.max(0, this.#startedAt + (at / this.#callsASecond) * 1_000 - performance.now()));
      const { status, end } = await send(tollhouse.url, askAt(at));
      this.answers.push({ status, end });
    }
  }
}

/** The server and each of its children: they are in sessions of their own, so no group holds them all. */
async function signalAll(signal: NodeJS.Signals): Promise<void> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    if (pid === postgres.pid || parent === postgres.pid) process.kill(pid, signal);
  }
}
