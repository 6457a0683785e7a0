import { randomBytes } from "node:crypto";
import { openSpool, startRecorder, type OpenDatabase, type SpoolRecord } from "@tollhouse/store";
import { withDatabase } from "./filled-database.ts";
import { processTimes, timesBetween } from "./process-times.ts";
import { temporaryFolder } from "./server-under-test.ts";
import { count, spread, table } from "./table.ts";

const masterKey = randomBytes(32);
/** Calls are appended to the spool in turns of so many, as a busy gateway's would be. */
const TURN = 500;

/** What is appended: calls of so many tenants, each in a session of its own or ten to a session, by so many recorders on one database. */
export interface AppendShape {
  readonly tenants: number;
  readonly callsOfSession: number;
  readonly recorders: number;
}

/** E16, first half: recorders on spools that are full, until everything is in the ledger. */
export async function measureAppend(calls: number, shapes: readonly AppendShape[], rounds: number): Promise<void> {
  const rows: string[][] = [];
  for (const shape of shapes) {
    const measured: Appended[] = [];
    for (let round = 0; round < rounds; round++) measured.push(await withDatabase((db) => appended(db, calls, shape)));
    rows.push([
      count(shape.tenants),
      count(shape.callsOfSession),
      count(shape.recorders),
      spread(
        measured.map(({ perSecond }) => perSecond),
        0,
      ),
      spread(
        measured.map(({ threadUs }) => threadUs),
        1,
      ),
      spread(
        measured.map(({ helpersUs }) => helpersUs),
        1,
      ),
      spread(
        measured.map(({ serverUs }) => serverUs),
        1,
      ),
    ]);
  }
  console.log(
    table(
      `E16: ${count(calls)} calls from the spool into the ledger; µs of CPU an entry`,
      ["tenants", "calls a session", "recorders", "entries a second", "recorder µs", "its helpers µs", "PostgreSQL µs"],
      rows,
    ),
  );
}

interface Appended {
  readonly perSecond: number;
  readonly threadUs: number;
  /** Collector and compiler. */
  readonly helpersUs: number;
  readonly serverUs: number;
}

/** Each recorder has a spool and tenants of its own, as each gateway has. */
async function appended(db: OpenDatabase, calls: number, shape: AppendShape): Promise<Appended> {
  const ids = Array.from({ length: shape.tenants }, (_, n) => (n + 1).toString(16).padStart(32, "0"));
  const folders = await Promise.all(Array.from({ length: shape.recorders }, temporaryFolder));
  const spools = await Promise.all(folders.map(({ path }) => openSpool({ dir: path })));
  const eachSpool = (first: number, calls: number): Promise<unknown> =>
    Promise.all(
      spools.map((spool, own) =>
        written(spool, Math.floor(calls / spools.length), (n) =>
          callOf(first + n * spools.length + own, ids, shape.callsOfSession),
        ),
      ),
    );
  try {
    // The first call of a chain makes its genesis as well: that is no part of the rate.
    await eachSpool(Math.ceil(calls / ids.length) * ids.length, ids.length);
    await recorded(spools, db, calls);
    await eachSpool(0, calls);
    return await recorded(spools, db, calls);
  } finally {
    for (const spool of spools) await spool.close();
    for (const folder of folders) await folder.remove();
  }
}

type OpenSpool = Awaited<ReturnType<typeof openSpool>>;

async function recorded(spools: readonly OpenSpool[], db: OpenDatabase, calls: number): Promise<Appended> {
  const before = processTimes(process.pid);
  const began = performance.now();
  const onError = (message: string): void => console.error(message);
  const recorders = spools.map((spool) => startRecorder({ spool, databaseUrl: db.url, masterKey, onError }));
  try {
    await Promise.all(recorders.map((recorder) => recorder.drained()));
    const seconds = (performance.now() - began) / 1000;
    const { workers, runtime, children } = timesBetween(before, processTimes(process.pid));
    return {
      perSecond: calls / seconds,
      threadUs: workers / calls,
      helpersUs: runtime / calls,
      serverUs: children / calls,
    };
  } finally {
    for (const recorder of recorders) await recorder.stop();
  }
}

async function written(spool: OpenSpool, calls: number, of: (n: number) => readonly SpoolRecord[]): Promise<void> {
  for (let first = 0; first < calls; first += TURN) {
    const turn = [];
    for (let n = first; n < Math.min(calls, first + TURN); n++)
      for (const record of of(n)) turn.push(spool.append(record));
    await Promise.all(turn);
  }
}

/** Sessions that a tenant has at a time. */
const SESSIONS_AT_ONCE = 60;

/**
 * Call `n` of all, the tenants in turn; one of 5,000 users, under three limits. Of many tenants each has five users, one feature and one model. Who calls, and what,
 * belongs to the session.
 */
function callOf(n: number, tenants: readonly string[], callsOfSession: number): readonly SpoolRecord[] {
  const tenant = tenants[n % tenants.length] as string;
  const own = Math.floor(n / tenants.length);
  const turn = SESSIONS_AT_ONCE * callsOfSession;
  const session = (own % SESSIONS_AT_ONCE) + SESSIONS_AT_ONCE * Math.floor(own / turn);
  const user = (session * 7919) % (tenants.length === 1 ? 5000 : 5);
  const kind = tenants.length === 1 ? session : n % tenants.length;
  const feature = kind % 20;
  const decision = `0190000000007000${n.toString(16).padStart(16, "8")}`;
  const timeMs = Date.now();
  return [
    {
      t: "intent",
      decision,
      timeMs,
      tenant,
      environment: "prod",
      provider: "openai",
      model: `model-${kind % 10}`,
      endpoint: "chat_completions",
      stream: false,
      dimensions: {
        session: `run-${session}`,
        agent: `agent-${feature % 5}`,
        user: `user-${user}`,
        feature: `feature-${feature}`,
        team: `team-${feature % 4}`,
      },
      key: `key_${feature % 8}`,
      priceVersion: "2026-11-01",
      reservedUsd: "1000",
      reservedTokens: "500",
      counters: [
        { limit: "lim_org", window: "2026-11-01T00:00Z", measure: "usd" },
        { limit: `lim_team_${feature % 4}`, window: "2026-11-21T00:00Z", measure: "tokens" },
        { limit: "lim_calls", window: "2026-11-21T06:00Z", measure: "requests" },
      ],
    },
    {
      t: "outcome",
      decision,
      timeMs,
      end: "settled",
      status: 200,
      reason: null,
      usage: { input: 100, input_cache_read: 20, output: 64 },
      source: "reported",
      cost: "564",
      servedModel: "gpt-4o-mini-2024-07-18",
      tier: null,
      providerId: `chatcmpl-${n}`,
      doubt: null,
      deltas: ["564", "184", "1"],
      late: [],
      latencyMs: 800,
    },
  ];
}
