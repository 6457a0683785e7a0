import {
  DEFAULT_TENANT,
  LedgerKeys,
  listCalls,
  migrate,
  openDatabase,
  startEmbedded,
  usageReport,
  type CallsRequest,
  type Database,
  type UsageFilter,
  type UsagePageRequest,
} from "@tollhouse/store";
import { fillReports, sessionName, SHAPE, userName, type ReportData } from "./report-data.ts";
import { temporaryFolder } from "./server-under-test.ts";
import { count, median, table } from "./table.ts";

/** A kind of question; `n` makes each of its repetitions another one. */
interface Question {
  readonly name: string;
  readonly ask: (n: number) => Promise<unknown>;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** B6R: every kind of question of the reports, over ledgers of these sizes. */
export async function measureReports(sizes: readonly number[], rounds: number): Promise<void> {
  const columns: string[][] = [];
  let names: readonly string[] = [];
  for (const size of sizes) {
    const folder = await temporaryFolder();
    const embedded = await startEmbedded({ dataDir: folder.path, log: () => undefined });
    const db = await openDatabase({ embedded });
    try {
      await migrate(db);
      const keys = new LedgerKeys(Buffer.alloc(32, 1));
      const data = await fillReports(db, keys, size, Date.now());
      console.log(`${count(size)} entries: ${(await lengths(db)).join(", ")}`);
      const questions = [...usageQuestions(db, keys, data), ...callQuestions(db, keys, data)];
      names = questions.map(({ name }) => name);
      columns.push(await times(questions, rounds));
    } finally {
      await db.close();
      await embedded.stop();
      await folder.remove();
    }
  }
  const rows = [...names, "p95 of all"].map((name, i) => [name, ...columns.map((column) => column[i] ?? "")]);
  const heads = ["ms: median (slowest)", ...sizes.map(count)];
  console.log(table("B6R: reports over so many ledger entries", heads, rows));
}

async function times(questions: readonly Question[], rounds: number): Promise<string[]> {
  const every: number[] = [];
  const cells: string[] = [];
  for (const { ask } of questions) {
    // The first one meets a cold cache, and counts.
    const taken: number[] = [];
    for (let n = 0; n < rounds; n++) {
      const began = performance.now();
      await ask(n);
      taken.push(performance.now() - began);
    }
    every.push(...taken);
    cells.push(`${median(taken).toFixed(0)} (${Math.max(...taken).toFixed(0)})`);
  }
  const sorted = every.toSorted((a, b) => a - b);
  return [...cells, (sorted[Math.ceil(sorted.length * 0.95) - 1] ?? Number.NaN).toFixed(0)];
}

async function lengths(db: Database): Promise<string[]> {
  const { rows } = await db.query<{ relname: string; rows: bigint; bytes: bigint }>(
    `SELECT relname, reltuples::bigint AS rows, pg_total_relation_size(oid) AS bytes FROM pg_class
     WHERE relkind = 'r' AND (relname = 'ledger_entries' OR relname LIKE 'usage\\_%') ORDER BY relname`,
  );
  return rows.map((row) => `${row.relname} ${count(Number(row.rows))} rows, ${count(Number(row.bytes) / 2 ** 20)} MiB`);
}

function usageQuestions(db: Database, keys: LedgerKeys, { fromMs, toMs, sessions }: ReportData): Question[] {
  const all = { tenant: DEFAULT_TENANT, fromMs: 0, toMs: Infinity, filter: { environment: ["prod"] } };
  const report = (asked: Partial<UsagePageRequest>): ReturnType<typeof usageReport> =>
    usageReport(db, keys, { ...all, groupBy: [], ...asked });
  const top = { order: "cost", limit: 10 } as const;
  const one = (filter: UsageFilter): { filter: UsageFilter } => ({
    filter: { environment: ["prod"], ...filter },
  });
  const asked: Record<string, (n: number) => Partial<UsagePageRequest>> = {
    "total, all time": () => ({}),
    "total of ten days, from and to inside an hour": (n) => ({
      fromMs: fromMs + n * 1_234_567,
      toMs: fromMs + n * 1_234_567 + 10 * DAY_MS,
    }),
    "by day, 30 days": () => ({ groupBy: ["day"] }),
    "by day of Berlin, 30 days": () => ({ groupBy: ["day"], timeZone: "Europe/Berlin" }),
    "by hour and model, the last day": () => ({ groupBy: ["hour", "model"], fromMs: toMs - DAY_MS }),
    "by model": () => ({ groupBy: ["model"] }),
    "by model, feature, team and key": () => ({ groupBy: ["model", "feature", "team", "key"] }),
    "by provider, one feature by day": (n) => ({ groupBy: ["provider", "day"], ...one({ feature: [`feature-${n}`] }) }),
    "top 10 users": () => ({ groupBy: ["user"], ...top }),
    "top 10 sessions": () => ({ groupBy: ["session"], ...top }),
    "top 10 customers": () => ({ groupBy: ["customer"], ...top }),
    "top 10 users of a day": (n) => ({
      groupBy: ["user"],
      ...top,
      fromMs: fromMs + n * DAY_MS,
      toMs: fromMs + (n + 1) * DAY_MS,
    }),
    "top 10 users of a model": (n) => ({ groupBy: ["user"], ...top, ...one({ model: [`model-${n}`] }) }),
    "by customer and model": () => ({ groupBy: ["customer", "model"] }),
    "by day and customer": () => ({ groupBy: ["day", "customer"] }),
    "one customer by feature": (n) => ({ groupBy: ["feature"], ...one({ customer: [`customer-${n}`] }) }),
    "one customer by user, dearest 10": (n) => ({ groupBy: ["user"], ...top, ...one({ customer: [`customer-${n}`] }) }),
    "one feature by user, dearest 10": (n) => ({ groupBy: ["user"], ...top, ...one({ feature: [`feature-${n}`] }) }),
    "by customer and feature": () => ({ groupBy: ["customer", "feature"] }),
    "one user by day and model": (n) => ({ groupBy: ["day", "model"], ...one({ user: [userName(n * 7 + 1)] }) }),
    "one session by model": (n) => ({
      groupBy: ["model"],
      ...one({ session: [sessionName(Math.floor((sessions * (n + 1)) / 40))] }),
    }),
    "by user and hour, the last day": () => ({ groupBy: ["user", "hour"], fromMs: toMs - DAY_MS }),
    "by user and feature, ten days": (n) => ({
      groupBy: ["user", "feature"],
      fromMs: fromMs + n * HOUR_MS,
      toMs: fromMs + n * HOUR_MS + 10 * DAY_MS,
    }),
  };
  const questions = Object.entries(asked).map(([name, of]) => ({ name, ask: (n: number) => report(of(n)) }));
  return [...questions, secondPage(report)];
}

function secondPage(report: (asked: Partial<UsagePageRequest>) => ReturnType<typeof usageReport>): Question {
  let cursor: string | null = null;
  return {
    name: "by user, the next 1,000",
    ask: async () => {
      const page = await report({ groupBy: ["user"], order: "cost", cursor });
      cursor = page.next_cursor;
    },
  };
}

function callQuestions(db: Database, keys: LedgerKeys, { fromMs, sessions }: ReportData): Question[] {
  const list = (asked: Partial<CallsRequest>): ReturnType<typeof listCalls> =>
    listCalls(db, keys, { tenant: DEFAULT_TENANT, limit: 100, cursor: null, ...asked });
  const asked: Record<string, (n: number) => Partial<CallsRequest>> = {
    "calls: the newest 100": () => ({}),
    "calls: 100 of some day": (n) => ({ toMs: fromMs + (n + 2) * DAY_MS }),
    "calls: of a user": (n) => ({ filter: { user: [userName(n * 7 + 1)] } }),
    "calls: of a session": (n) => ({ filter: { session: [sessionName(Math.floor((sessions * (n + 1)) / 40))] } }),
    "calls: of a model, 1,000": (n) => ({ limit: 1_000, filter: { model: [`model-${SHAPE.models - 1 - n}`] } }),
    "calls: of a customer": (n) => ({ filter: { customer: [`customer-${n}`] } }),
    "calls: blocked, 1,000": () => ({ limit: 1_000, outcome: "blocked" }),
    "calls: of a reason that none has": () => ({ reasons: ["USER_BLOCKED"] }),
    "calls: of a model that none has": () => ({ filter: { model: ["none"] } }),
  };
  return Object.entries(asked).map(([name, of]) => ({ name, ask: (n: number) => list(of(n)) }));
}
