import type { System, SystemNode } from "./operations.ts";

/** What was looked at, how it is, and what to do where it is not well. */
export interface Check {
  readonly name: string;
  readonly state: "ok" | "warn" | "fail" | "unknown";
  readonly found: string;
  readonly next: string | null;
}

/** How amounts and times are written where the checks are read: on a page, in a terminal. */
export interface CheckWords {
  readonly money: (usd: string) => string;
  readonly count: (count: number) => string;
  readonly time: (iso: string) => string;
}

export function ok(name: string, found: string): Check {
  return { name, state: "ok", found, next: null };
}

export function bad(state: "warn" | "fail" | "unknown", name: string, found: string, next: string): Check {
  return { name, state, found, next };
}

/** Everything that `GET /api/v1/system` says. */
export function systemChecks(system: System, words: CheckWords): Check[] {
  return [
    readyCheck(system),
    databaseCheck(system),
    redisCheck(system, words),
    spoolCheck(system),
    recorderCheck(system, words),
    ...nodesChecks(system, words),
    allowanceCheck(system, words),
    overspendCheck(system, words),
  ];
}

function readyCheck({ node }: System): Check {
  if (node.ready) return ok("ready", `${node.name} takes calls`);
  return bad(
    "fail",
    "ready",
    `${node.name} waits for ${node.waiting_for.join(", ")}`,
    "No call is taken until that is there; see its lines below.",
  );
}

const SLOW_MS = 50;

function databaseCheck({ postgresql: { embedded, reachable, latency_ms } }: System): Check {
  const which = embedded ? "embedded" : "PostgreSQL";
  if (!reachable)
    return bad(
      "fail",
      "database",
      `${which}, does not answer`,
      "Calls go on while the spool has room: bring it back, or mend DATABASE_URL.",
    );
  const found = `${which}, answers in ${milliseconds(latency_ms)}`;
  return (latency_ms ?? 0) <= SLOW_MS
    ? ok("database", found)
    : bad("warn", "database", found, "Put it nearer, or look at what else it does.");
}

function redisCheck({ redis, node }: System, { time }: CheckWords): Check {
  if (redis === null) return ok("Redis", `none: counters are in the ${node.counters} of one process`);
  const { reachable, latency_ms, servers, problem, fence } = redis;
  if (!reachable)
    return bad(
      "fail",
      "Redis",
      problem ?? `${servers.join(", ")}: does not answer`,
      "Budgets cannot be asked: bring it back. It is filled anew by itself.",
    );
  if (fence === null)
    return bad(
      "unknown",
      "Redis",
      `answers in ${milliseconds(latency_ms)}; its epoch is not known`,
      "Bring the database back: it keeps the epoch.",
    );
  if (fence.state === "closed")
    return bad(
      "fail",
      "Redis",
      `closed since ${time(fence.since)}: ${fence.why}`,
      "Nothing is admitted until the counters are made anew; that takes seconds. If it does not, look at the log.",
    );
  const found = `${servers.join(", ")}, answers in ${milliseconds(latency_ms)}, epoch ${fence.epoch}`;
  return (latency_ms ?? 0) <= SLOW_MS
    ? ok("Redis", found)
    : bad("warn", "Redis", found, "Every call waits for it: put it nearer.");
}

function spoolCheck({ spool: { bytes, bytes_max, refusing } }: System): Check {
  const found = `${mebibytes(bytes)} of ${mebibytes(bytes_max)}`;
  if (refusing !== null)
    return bad(
      "fail",
      "spool",
      `${found}, refuses calls: ${refusing}`,
      "Make room on its disk, or bring the database back that it waits for.",
    );
  return bytes * 2 < bytes_max
    ? ok("spool", found)
    : bad(
        "warn",
        "spool",
        `${found}, filling`,
        "The database does not keep up, or is away: bring it back before the spool is full.",
      );
}

const BEHIND_BYTES = 16 * 1024 * 1024;

function recorderCheck({ recorder: { bytes, records } }: System, { count }: CheckWords): Check {
  const found = `${count(records)} records not in the ledger yet`;
  return bytes < BEHIND_BYTES
    ? ok("recorder", found)
    : bad(
        "warn",
        "recorder",
        `${found} (${mebibytes(bytes)})`,
        "Reports are behind by that much: look at the database.",
      );
}

function nodesChecks({ nodes }: System, words: CheckWords): Check[] {
  if (nodes === null) return [bad("unknown", "nodes", "the database does not answer", "Bring it back: it knows them.")];
  if (nodes.length === 0) return [ok("nodes", "this process alone")];
  const gone = nodes.filter(({ live, state }) => !live && state !== "stopped").map((node) => goneCheck(node, words));
  const behind = nodes.filter(({ live, configuration }) => live && configuration?.behind === true);
  const versions = [...new Set(nodes.filter(({ live }) => live).map(({ version }) => version))];
  return [
    ok(
      "nodes",
      `${nodes.filter(({ live }) => live).length} live: ${nodes
        .filter(({ live }) => live)
        .map(({ name }) => name)
        .join(", ")}`,
    ),
    ...gone,
    ...behind.map(({ name }) =>
      bad(
        "warn",
        `node ${name}`,
        "has not heard of the newest rules",
        "It follows within a second; if it does not, look at its way to the database.",
      ),
    ),
    ...(versions.length > 1
      ? [bad("warn", "versions", versions.join(", "), "Two releases run side by side: finish the upgrade.")]
      : []),
  ];
}

function goneCheck({ name, last_beat_at, reservations }: SystemNode, { time, count }: CheckWords): Check {
  return bad(
    "warn",
    `node ${name}`,
    `not heard of since ${time(last_beat_at)}, with ${count(reservations)} reservations`,
    "Start it again, or leave it: another node ends what it held.",
  );
}

function allowanceCheck({ allowance, node }: System, { money }: CheckWords): Check {
  if (allowance === null) return ok("allowance", `not needed: counters are in ${node.counters}`);
  const found = `${money(allowance.used)} of ${money(allowance.of)} used`;
  return /^0(\.0+)?$/.test(allowance.used)
    ? ok("allowance", found)
    : bad("warn", "allowance", found, "Calls were admitted while Redis could not be asked; it is settled once it can.");
}

function overspendCheck({ worst_overspend }: System, { money }: CheckWords): Check {
  if (worst_overspend === null)
    return bad(
      "unknown",
      "overspend",
      "the database, which keeps it, does not answer",
      "Bring it back, and ask again.",
    );
  return /^0(\.0+)?$/.test(worst_overspend)
    ? ok("overspend", "nothing was ever admitted beyond a hard limit")
    : bad(
        "fail",
        "overspend",
        `${money(worst_overspend)} were admitted beyond a hard limit`,
        "This must not be: please report it, with the log of that time.",
      );
}

function milliseconds(ms: number | null): string {
  return ms === null ? "an unknown time" : `${ms.toFixed(1)} ms`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(bytes < 10 * 1024 * 1024 ? 1 : 0)} MiB`;
}
