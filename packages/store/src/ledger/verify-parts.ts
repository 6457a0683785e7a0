import type { OpenDatabase, Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { latestSequence } from "../reports/new-entries.ts";
import type { WalkOptions } from "./verify-aside.ts";
import type { VerifyRequest, VerifyResult } from "./verify-store.ts";

/** A stretch of a chain, at one moment of the database. */
export interface WalkedRange extends Pick<VerifyRequest, "from" | "to" | "isContinued"> {
  /** Name of that moment; absent = now. */
  readonly snapshot?: string;
}

export interface InParts {
  /** At most. Each takes a core and a connection. */
  readonly partsMax: number;
  /** A shorter part is not worth that. */
  readonly entriesMin: number;
  /** Walks a range elsewhere, as `verifyAside` does. */
  readonly walk: (range: WalkedRange, options: WalkOptions) => Promise<VerifyResult>;
}

type Range = Pick<VerifyRequest, "from" | "to">;
interface PartsOptions {
  readonly signal?: AbortSignal;
  readonly walked: (part: number, entries: number) => void;
}
type Chain = Range & Pick<VerifyRequest, "tenant">;

/**
 * The verification of a range by several at once, at one moment of the database. A part ends at a checkpoint, and the next one begins with
 * the same entry: both check it, and both hold their tree against the root that was signed there, so parts that pass are one chain and one
 * tree. Where one does not pass, for whatever reason (what is stored of the tree, to begin in its middle, may be what is wrong), a walk of the
 * whole range says what there is to say.
 */
export async function verifyInParts(
  db: Pick<OpenDatabase, "snapshot">,
  chain: Chain,
  means: InParts,
  options: WalkOptions = {},
): Promise<VerifyResult> {
  const whole: Range = { from: chain.from, to: chain.to };
  if (means.partsMax === 1) return means.walk(whole, options);
  return db.snapshot(async (at) => {
    const newest = await latestSequence(at, chain.tenant);
    const last = chain.to === "latest" || chain.to > newest ? newest : chain.to;
    const starts = await startsOf(at, chain, last, means);
    if (starts.length === 1) return means.walk(whole, options);
    const snapshot = await at.name();
    const parts = starts.map((from, i) => ({ from, to: starts[i + 1] ?? chain.to, isContinued: i > 0, snapshot }));
    const walked = toldTogether(options, parts.length, Number(last - chain.from) + parts.length);
    const passed = await allPassed(parts, means.walk, { ...options, walked });
    return passed === null ? means.walk({ ...whole, snapshot }, options) : joined(passed);
  });
}

/** Where each part begins, so that they are of about the same size. One = the chain is short, or no checkpoint lies where it could be parted. */
async function startsOf(
  at: Queryable,
  { tenant, from }: Chain,
  last: bigint,
  { partsMax, entriesMin }: InParts,
): Promise<bigint[]> {
  const entries = Number(last - from) + 1;
  const parts = Math.min(partsMax, Math.floor(entries / entriesMin));
  const starts = [from];
  for (let part = 1; part < parts; part++) {
    const wanted = from + BigInt(Math.floor((entries * part) / parts));
    const { rows } = await at.query<{ size: bigint | null }>(sql("checkpoint-size-before"), [tenant, wanted]);
    const size = rows[0]?.size ?? 0n;
    if (size > (starts.at(-1) ?? from)) starts.push(size);
  }
  return starts;
}

/** Null: one did not pass. Throws what kept one from looking. Either ends the others. */
async function allPassed(
  parts: readonly WalkedRange[],
  walk: InParts["walk"],
  { signal, walked }: PartsOptions,
): Promise<VerifyResult[] | null> {
  const failing = new AbortController();
  const ended = signal === undefined ? failing.signal : AbortSignal.any([signal, failing.signal]);
  let isFailed = false;
  let unable: unknown = null;
  const found = await Promise.all(
    parts.map(async (part, i) => {
      try {
        const result = await walk(part, { signal: ended, walked: (entries) => walked(i, entries) });
        if (result.result === "PASS") return [result];
        isFailed = true;
      } catch (error) {
        unable ??= error;
      }
      failing.abort();
      return [];
    }),
  );
  if (isFailed) return null;
  if (unable !== null) throw unable;
  return found.flat();
}

/** Parts share the entry at which they meet, and the checkpoint there. */
function joined(parts: readonly VerifyResult[]): VerifyResult {
  const shared = parts.length - 1;
  const proven = parts.find(({ tail }) => tail === "PROVEN");
  return {
    result: "PASS",
    tail: proven?.tail ?? "NOT PROVEN",
    provenTo: proven?.provenTo ?? null,
    entries: parts.reduce((sum, { entries }) => sum + entries, 0n) - BigInt(shared),
    purged: parts.reduce((sum, { purged }) => sum + (purged ?? 0n), 0n),
    firstBadSequence: null,
    checkpoints: parts.reduce((sum, { checkpoints }) => sum + checkpoints, 0) - shared,
    problem: null,
  };
}

function toldTogether({ walked }: WalkOptions, parts: number, of: number): PartsOptions["walked"] {
  const counts = Array.from({ length: parts }, () => 0);
  return (part, entries) => {
    counts[part] = entries;
    walked?.(
      counts.reduce((sum, count) => sum + count),
      of,
    );
  };
}
