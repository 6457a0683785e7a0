import type { Answer } from "../api/api.ts";
import type { System, SystemNode } from "@tollhouse/contract/control-client";
import { count, money, time } from "../terminal/amounts.ts";

/** What was looked at, how it is, and what to do where it is not well. */
export interface Check {
  readonly name: string;
  readonly state: "ok" | "warn" | "fail" | "unknown";
  readonly found: string;
  readonly next: string | null;
}

export function ok(name: string, found: string): Check {
  return { name, state: "ok", found, next: null };
}

export function bad(state: "warn" | "fail" | "unknown", name: string, found: string, next: string): Check {
  return { name, state, found, next };
}

const NODE_MIN = [22, 12] as const;

export function runtimeCheck(version: string): Check {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  const fits = major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
  return fits
    ? ok("Node", version)
    : bad("fail", "Node", version, `Install Node ${NODE_MIN.join(".")} or newer for this command line.`);
}

/** A second is what the header can tell; ten are where signatures, expiries and windows begin to disagree. */
const CLOCK_WARN_S = 2;
const CLOCK_FAIL_S = 10;

/** `dateHeader`: of the server's answer, in whole seconds. `aroundMs`: our time when it was on its way. */
export function clockCheck(dateHeader: string | null, aroundMs: number): Check {
  const theirs = Date.parse(dateHeader ?? "");
  if (Number.isNaN(theirs))
    return bad("unknown", "clock", "the server does not say its time", "Compare `date -u` on both machines.");
  // The header is cut to the second, so half of one is expected.
  const apartS = Math.abs(theirs + 500 - aroundMs) / 1_000;
  const found = `${apartS < 1 ? "less than 1" : Math.round(apartS)} s apart from this machine`;
  if (apartS < CLOCK_WARN_S) return ok("clock", found);
  const next = "Set both clocks by NTP: windows of limits and the ledger's times are the server's.";
  return bad(apartS < CLOCK_FAIL_S ? "warn" : "fail", "clock", found, next);
}

export function transportCheck(url: string): Check {
  const { protocol, hostname } = new URL(url);
  const isHere = hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
  if (protocol === "https:" || isHere) return ok("transport", protocol === "https:" ? "https" : "loopback");
  return bad("warn", "transport", "plain http to another machine", "Put TLS in front: the key can be read on the way.");
}

/** Everything that `GET /api/v1/system` says. */
export function systemChecks(system: System): Check[] {
  return [
    readyCheck(system),
    databaseCheck(system),
    redisCheck(system),
    spoolCheck(system),
    recorderCheck(system),
    ...nodesChecks(system),
    allowanceCheck(system),
    overspendCheck(system),
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

function redisCheck({ redis, node }: System): Check {
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

function recorderCheck({ recorder: { bytes, records } }: System): Check {
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

function nodesChecks({ nodes }: System): Check[] {
  if (nodes === null) return [bad("unknown", "nodes", "the database does not answer", "Bring it back: it knows them.")];
  if (nodes.length === 0) return [ok("nodes", "this process alone")];
  const gone = nodes.filter(({ live, state }) => !live && state !== "stopped").map(goneCheck);
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

function goneCheck({ name, last_beat_at, reservations }: SystemNode): Check {
  return bad(
    "warn",
    `node ${name}`,
    `not heard of since ${time(last_beat_at)}, with ${count(reservations)} reservations`,
    "Start it again, or leave it: another node ends what it held.",
  );
}

function allowanceCheck({ allowance, node }: System): Check {
  if (allowance === null) return ok("allowance", `not needed: counters are in ${node.counters}`);
  const found = `${money(allowance.used)} of ${money(allowance.of)} used`;
  return /^0(\.0+)?$/.test(allowance.used)
    ? ok("allowance", found)
    : bad("warn", "allowance", found, "Calls were admitted while Redis could not be asked; it is settled once it can.");
}

function overspendCheck({ worst_overspend }: System): Check {
  if (worst_overspend === null)
    return bad(
      "unknown",
      "overspend",
      "the database, which keeps it, does not answer",
      "Bring it back, and ask again.",
    );
  return /^0(\.0+)?$/.test(worst_overspend)
    ? ok("overspend", "none, ever")
    : bad(
        "fail",
        "overspend",
        `a hard limit stood ${money(worst_overspend)} above its amount`,
        "This must not be: please report it, with the log of that time.",
      );
}

const NIGHT_MISSED_MS = 2 * 86_400_000;

/** What the nightly verification of the chain found. */
export function ledgerCheck(verification: Answer<"getLedgerVerification">, nowMs: number): Check {
  const { result, looked_at, verified_to, first_bad_sequence, problem } = verification;
  if (looked_at === null)
    return ok("ledger", "no night has passed since it began; `tollhouse ledger verify` looks now");
  if (result === "FAIL")
    return bad(
      "fail",
      "ledger",
      `bad from sequence ${first_bad_sequence ?? "?"} on: ${problem ?? "it is not said why"}`,
      "Somebody changed what is stored: `tollhouse ledger verify --deep`, and compare with a pin and a backup.",
    );
  const found = `verified to entry ${count(verified_to)}, ${time(looked_at)}`;
  return nowMs - Date.parse(looked_at) < NIGHT_MISSED_MS
    ? ok("ledger", found)
    : bad("warn", "ledger", found, "No process looks at night: one must have the role jobs.");
}

function milliseconds(ms: number | null): string {
  return ms === null ? "an unknown time" : `${ms.toFixed(1)} ms`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(bytes < 10 * 1024 * 1024 ? 1 : 0)} MiB`;
}
