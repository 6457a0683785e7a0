import { hash, randomBytes } from "node:crypto";
import { AnomalyWatch, type AnomalyRule } from "@tollhouse/engine";
import { count, table } from "./table.ts";

// What anomaly rules cost a call, apart from everything else: CPU of this process, the least of several rounds.
// `node --expose-gc --conditions=@tollhouse/source bench/anomaly-cost.ts`

const ROUNDS = 7;
const CALLS = 100_000;
const SCOPES = 100_000;
const START = Date.UTC(2026, 10, 21);

function ruleOf(kind: AnomalyRule["kind"]): AnomalyRule {
  return {
    id: "anr_1",
    kind,
    per: "session",
    threshold: 1_000_000n,
    windowSeconds: 60,
    action: "block",
    freezeSeconds: null,
    version: 1,
  };
}

const bound = { scopesMax: () => SCOPES };
const watchOf = (kind: AnomalyRule["kind"]): AnomalyWatch => new AnomalyWatch(ruleOf(kind), bound);
const sessions = Array.from({ length: 1_000 }, (_, i) => `session-${i}`);

/** Nanoseconds of CPU. */
function costOf(times: number, work: (i: number) => unknown): number {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < times; i++) work(i);
    const { user, system } = process.cpuUsage(before);
    rounds.push(((user + system) * 1_000) / times);
  }
  return Math.min(...rounds);
}

function looking(kind: AnomalyRule["kind"], rules: number): (i: number) => void {
  const watches = Array.from({ length: rules }, () => watchOf(kind));
  return (i) => {
    const session = sessions[i % sessions.length] as string;
    for (const watch of watches) watch.look(session, session, START + i / 100);
  };
}

/** As apps/server/src/anomalies/fingerprint.ts makes it. */
function hashing(bytes: number): (i: number) => string {
  const bodies = Array.from({ length: 20 }, () => randomBytes(bytes));
  const parts = `${randomBytes(32).toString("hex")}openai\0chat_completions\0gpt-4o-mini\0`;
  return (i) => hash("sha256", parts + hash("sha256", bodies[i % 20] as Buffer, "base64url"), "base64url");
}

const rows: string[][] = [];
for (const kind of ["loop", "burst", "velocity"] as const)
  for (const rules of [0, 1, 10]) rows.push([`${rules} × ${kind}`, count(costOf(CALLS, looking(kind, rules)))]);
for (const [name, bytes, times] of [
  ["1.5 KB", 1_500, 20_000],
  ["100 KB", 100_000, 1_000],
] as const)
  rows.push([
    `fingerprint of ${name}, once a call where a loop rule is in force`,
    count(costOf(times, hashing(bytes))),
  ]);
console.log(table("Anomaly rules", ["a call", "ns of CPU"], rows));

const sizes = (["loop", "burst", "velocity"] as const).map((kind) => {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const watch = watchOf(kind);
  for (let i = 0; i < SCOPES; i++) {
    const session = `session-of-somebody-${i}`;
    if (kind === "velocity") watch.spent(session, 600_000n, START + i / 10);
    else for (let turn = 0; turn < 3; turn++) watch.look(session, hash("sha256", session, "base64url"), START + i / 10);
  }
  globalThis.gc?.();
  return [`${count(watch.scopes)} sessions, ${kind}`, count((process.memoryUsage().heapUsed - before) / SCOPES)];
});
console.log(table("Memory", ["remembered", "bytes a session"], sizes));
