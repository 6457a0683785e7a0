import type { LimitAnswer } from "@tollhouse/contract";
import { chmod, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
const LANES = 10;
const LAG_MS_MAX = 30_000;

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
  begin(): Promise<void>;
  end(): Promise<void>;
}

const outages: readonly Outage[] = [
  {
    name: "stopped",
    begin: () => postgres.stop(),
    end: async () => {
      postgres = await startPostgres();
    },
  },
  {
    // The connections stay open and say nothing: what a hung disk or a lost network looks like.
    name: "frozen",
    begin: () => signalAll("SIGSTOP"),
    end: () => signalAll("SIGCONT"),
  },
];

test.each(outages)(
  `PostgreSQL $name for ${CALLS_AWAY} calls: all go through, and all are in the ledger once it is back, each once`,
  { timeout: 120_000 + CALLS_AWAY * 50 },
  async (outage) => {
    const random = new Random(SEED);
    const load = new Load((at) => askOf(`${outage.name}-${at}`, random));
    await load.ended(CALLS_AWAY / 4);
    const made = await limits(tollhouse);
    await outage.begin();
    const before = load.answers.length;
    await load.ended(before + CALLS_AWAY);
    // That many records, and more, wait in the spool: the database took none of them.
    expect(await tollhouse.metric("tollhouse_recorder_lag_records")).toBeGreaterThanOrEqual(CALLS_AWAY);
    // One limit is read from memory; a page of them would be a named 503 (reports-away.test.ts).
    expectWithin(
      await Promise.all(made.map(({ id }) => tollhouse.control<LimitAnswer>("GET", `/api/v1/limits/${id}`))),
    );
    await outage.end();
    await load.ended(load.answers.length + CALLS_AWAY / 4);
    await load.stop();

    expect(load.answers.filter(({ status, end }) => status !== 200 || end !== "whole")).toEqual([]);
    await expect
      .poll(() => tollhouse.metric("tollhouse_recorder_lag_records"), { timeout: LAG_MS_MAX, interval: 50 })
      .toBe(0);
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

/** Calls without a pause, in so many lanes, until it is stopped. */
class Load {
  readonly answers: Answer[] = [];
  readonly #lanes: Promise<void[]>;
  #stopped = false;
  #next = 0;

  constructor(askAt: (at: number) => Ask) {
    this.#lanes = Promise.all(Array.from({ length: LANES }, () => this.#lane(askAt)));
  }

  async ended(count: number): Promise<void> {
    await expect.poll(() => this.answers.length, { timeout: 60_000, interval: 10 }).toBeGreaterThanOrEqual(count);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#lanes;
  }

  async #lane(askAt: (at: number) => Ask): Promise<void> {
    while (!this.#stopped) this.answers.push(await send(tollhouse.url, askAt(this.#next++)));
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
