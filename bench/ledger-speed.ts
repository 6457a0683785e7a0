import { randomBytes } from "node:crypto";
import { openSpool, startRecorder, type OpenDatabase, type SpoolRecord } from "@tollhouse/store";
import { withDatabase } from "./filled-database.ts";
import { processTimes, timesBetween } from "./process-times.ts";
import { temporaryFolder } from "./server-under-test.ts";
import { count, spread, table } from "./table.ts";

const masterKey = randomBytes(32);
/** Calls are appended to the spool in turns of so many, as a busy gateway's would be. */
const TURN = 500;

/** E16, first half: the recorder on a spool that is full, until everything is in the ledger; chains of one tenant and of many. */
export async function measureAppend(calls: number, tenants: readonly number[], rounds: number): Promise<void> {
  const rows: string[][] = [];
  for (const many of tenants) {
    const rates: number[] = [];
    const [thread, server]: number[][] = [[], []];
    for (let round = 0; round < rounds; round++) {
      const { perSecond, threadUs, serverUs } = await withDatabase((db) => appended(db, calls, many));
      rates.push(perSecond);
      thread?.push(threadUs);
      server?.push(serverUs);
    }
    rows.push([count(many), spread(rates, 0), spread(thread ?? [], 1), spread(server ?? [], 1)]);
  }
  console.log(
    table(
      `E16: ${count(calls)} calls from the spool into the ledger`,
      ["tenants", "entries a second", "recorder µs an entry", "PostgreSQL µs an entry"],
      rows,
    ),
  );
}

interface Appended {
  readonly perSecond: number;
  readonly threadUs: number;
  readonly serverUs: number;
}

async function appended(db: OpenDatabase, calls: number, tenants: number): Promise<Appended> {
  const folder = await temporaryFolder();
  const spool = await openSpool({ dir: folder.path });
  const ids = Array.from({ length: tenants }, (_, n) => (n + 1).toString(16).padStart(32, "0"));
  // The first call of a chain makes its genesis as well: that is no part of the rate.
  await written(spool, ids.length, (n) => callOf(calls + n, ids[n] as string));
  const recorder = startRecorder({
    spool,
    databaseUrl: db.url,
    masterKey,
    onError: (message) => console.error(message),
  });
  try {
    await recorder.drained();
    await recorder.stop();
    await written(spool, calls, (n) => callOf(n, ids[n % tenants] as string));
    return await recorded(spool, db, calls);
  } finally {
    await spool.close();
    await folder.remove();
  }
}

type OpenSpool = Awaited<ReturnType<typeof openSpool>>;

async function recorded(spool: OpenSpool, db: OpenDatabase, calls: number): Promise<Appended> {
  const before = processTimes(process.pid);
  const began = performance.now();
  const recorder = startRecorder({
    spool,
    databaseUrl: db.url,
    masterKey,
    onError: (message) => console.error(message),
  });
  try {
    await recorder.drained();
    const seconds = (performance.now() - began) / 1000;
    const { workers, children } = timesBetween(before, processTimes(process.pid));
    return { perSecond: calls / seconds, threadUs: workers / calls, serverUs: children / calls };
  } finally {
    await recorder.stop();
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

/** A call of one of 5,000 users, with ten calls a session, under three limits. */
function callOf(n: number, tenant: string): readonly SpoolRecord[] {
  const decision = `0190000000007000${n.toString(16).padStart(16, "8")}`;
  const timeMs = Date.now();
  const feature = n % 20;
  return [
    {
      t: "intent",
      decision,
      timeMs,
      tenant,
      environment: "prod",
      provider: "openai",
      model: `model-${n % 10}`,
      endpoint: "chat_completions",
      stream: false,
      dimensions: {
        session: `run-${Math.floor(n / 10)}`,
        agent: `agent-${feature % 5}`,
        user: `user-${(n * 7919) % 5000}`,
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
