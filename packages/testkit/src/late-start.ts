import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openDatabase } from "@tollhouse/store";
import type { ChildProgram } from "./child-program.ts";

const REPORT = "late.json";
const REPORT_MS_MAX = 30_000;

/** Flags of Node with which a program can be asked what it waits for. */
export function reportsTo(folder: string): readonly string[] {
  return [
    "--report-on-signal",
    "--report-signal=SIGUSR2",
    `--report-directory=${folder}`,
    `--report-filename=${REPORT}`,
    "--report-exclude-env",
    "--report-exclude-network",
  ];
}

interface Threads {
  readonly javascriptStack?: { readonly message?: string; readonly stack?: readonly string[] };
  readonly libuv?: readonly {
    readonly type: string;
    readonly is_active?: boolean;
    readonly remoteEndpoint?: unknown;
  }[];
  readonly workers?: readonly Threads[];
}

/** Of a program that runs and does not come up: what its threads wait for, and where PostgreSQL is with its questions. */
export async function whatKeeps(program: ChildProgram, folder: string, databaseUrl: string | null): Promise<string> {
  const report = await threads(program, folder).catch((error: unknown) => `no report: ${String(error)}`);
  const database = databaseUrl === null ? "" : await sessions(databaseUrl).catch((error: unknown) => String(error));
  return [report, database].join("\n");
}

async function threads(program: ChildProgram, folder: string): Promise<string> {
  process.kill(program.pid, "SIGUSR2");
  for (const deadline = performance.now() + REPORT_MS_MAX; ;) {
    const text = await readFile(join(folder, REPORT), "utf8").catch(() => "");
    if (text.endsWith("}\n") || text.endsWith("}")) return told("main thread", JSON.parse(text) as Threads);
    if (performance.now() > deadline) return "it gives no report: its event loop stands still";
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function told(name: string, { javascriptStack, libuv = [], workers = [] }: Threads): string {
  const waits = libuv
    .filter((handle) => handle.is_active === true)
    .map(({ type, remoteEndpoint }) => {
      return remoteEndpoint === undefined ? type : `${type} to ${JSON.stringify(remoteEndpoint)}`;
    });
  const stack = [javascriptStack?.message ?? "", ...(javascriptStack?.stack ?? [])].join("\n    ");
  const others = workers.map((worker, at) => told(`worker ${at}`, worker));
  return [`${name}: ${stack}`, `  waits for: ${waits.join(", ")}`, ...others].join("\n");
}

async function sessions(url: string): Promise<string> {
  const db = await openDatabase({ url }, { connectionsMax: 1 });
  try {
    const { rows } = await db.query<object>(
      `SELECT pid, application_name, state, wait_event_type, wait_event, pg_blocking_pids(pid) AS blocked_by,
              round(extract(epoch FROM clock_timestamp() - xact_start), 1)::text AS transaction_s, left(query, 120) AS query
       FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY xact_start`,
    );
    return rows.map((row) => JSON.stringify(row)).join("\n");
  } finally {
    await db.close();
  }
}
