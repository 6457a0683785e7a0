import { createHash } from "node:crypto";
import type { NameCount } from "@tollhouse/ledger";
import type { BlockedRecord } from "../spool/records.ts";
import type { SpoolFrame } from "../spool/read-spool.ts";
import type { EntryDraft } from "./entry-draft.ts";

/** Blocked calls of one tenant that get an entry each in one second; those beyond are summarised. */
export const BLOCKED_ENTRIES_MAX = 50;

/** Kept in the database as it is, so that a restart goes on counting where this process stopped. */
export interface Flood {
  readonly second: number;
  entries: number;
  readonly summaries: { [environment: string]: FloodSummary };
}

interface FloodSummary {
  /** Names the summary: the place of its first call in this node's spool. */
  readonly id: string;
  readonly sinceMs: number;
  lastMs: number;
  readonly counts: { [reason: string]: number };
}

/** Counts blocked calls by tenant and second of their own time; a later second closes the one before. */
export class BlockedFloods {
  readonly #node: string;
  readonly #floods: Map<string, Flood>;

  constructor(node: string, floods: { [tenant: string]: Flood }) {
    this.#node = node;
    this.#floods = new Map(Object.entries(structuredClone(floods)));
  }

  /** Does this call get an entry of its own? If not, it is counted. `closed` takes the summaries that ended with it. */
  admit(frame: SpoolFrame, record: BlockedRecord, closed: EntryDraft[]): boolean {
    const second = Math.floor(record.timeMs / 1000);
    let flood = this.#floods.get(record.tenant);
    // A clock that steps back counts into the second that is open.
    if (!flood || second > flood.second) {
      if (flood) closed.push(...summariesOf(record.tenant, flood));
      flood = { second, entries: 0, summaries: {} };
      this.#floods.set(record.tenant, flood);
    }
    if (flood.entries < BLOCKED_ENTRIES_MAX) {
      flood.entries++;
      return true;
    }
    this.#count(frame, record, flood);
    return false;
  }

  /** Ends the seconds before `nowMs`, so that a flood that stopped is written too. */
  close(nowMs: number): EntryDraft[] {
    const drafts: EntryDraft[] = [];
    for (const [tenant, flood] of this.#floods) {
      if ((flood.second + 1) * 1000 > nowMs) continue;
      drafts.push(...summariesOf(tenant, flood));
      this.#floods.delete(tenant);
    }
    return drafts;
  }

  get pending(): boolean {
    return this.#floods.size > 0;
  }

  /** A copy, for the database. */
  state(): { [tenant: string]: Flood } {
    return structuredClone(Object.fromEntries(this.#floods));
  }

  #count(frame: SpoolFrame, record: BlockedRecord, flood: Flood): void {
    const summary = (flood.summaries[record.environment] ??= {
      id: this.#idOf(frame),
      sinceMs: record.timeMs,
      lastMs: record.timeMs,
      counts: {},
    });
    summary.lastMs = Math.max(summary.lastMs, record.timeMs);
    summary.counts[record.reason] = (summary.counts[record.reason] ?? 0) + 1;
  }

  #idOf({ position }: SpoolFrame): string {
    const place = `tollhouse/blocked-summary\0${this.#node}\0${position.segment}\0${position.offset}`;
    return createHash("sha256").update(place).digest("hex").slice(0, 32);
  }
}

function summariesOf(tenant: string, flood: Flood): EntryDraft[] {
  return Object.entries(flood.summaries).map(([environment, summary]) => ({
    type: "blocked_summary",
    flags: 0,
    tenant,
    entryId: summary.id,
    timeMs: summary.lastMs,
    amountNano: 0n,
    usageSource: "none",
    user: null,
    fields: { environment, blocked: countsOf(summary), sinceUs: BigInt(summary.sinceMs) * 1000n },
  }));
}

function countsOf(summary: FloodSummary): NameCount[] {
  return Object.entries(summary.counts)
    .map(([name, count]) => ({ name, count }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
