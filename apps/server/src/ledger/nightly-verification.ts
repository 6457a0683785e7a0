import { randomUUIDv7 } from "node:crypto";
import { originOf } from "@tollhouse/ledger";
import {
  loadDeploymentId,
  loadVerification,
  NOT_GENUINE,
  putVerification,
  type AdminRecord,
  type CheckpointSigner,
  type Database,
  type LedgerKeys,
  type Spool,
  type StoredVerification,
  type VerifyAside,
  type VerifyResult,
} from "@tollhouse/store";

export interface NightlyVerificationParts {
  /** As the installation. */
  readonly db: Database;
  readonly keys: LedgerKeys;
  readonly signer: Pick<CheckpointSigner, "keys">;
  readonly spool: Pick<Spool, "append">;
  /** 32 hex digits each. */
  readonly tenants: () => readonly string[];
  /** Of `ChainWalks`. */
  readonly verify: (
    chain: Pick<VerifyAside, "tenant" | "from" | "to" | "noteKeys">,
    signal: AbortSignal,
  ) => Promise<VerifyResult>;
  /** Is this process the one that works for all at this moment? */
  readonly mine: () => boolean;
  /** Told of a chain that is not sound, each night anew. */
  readonly alarmed: (tenant: string, found: StoredVerification) => void;
  /** Told of what kept it from looking; it is tried again. */
  readonly failed: (tenant: string, error: unknown) => void;
  readonly now: () => number;
}

/** Hour of the day, UTC. */
const NIGHT_HOUR = 3;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const LOOK_MS = 60_000;

/**
 * Walks every chain each night: what was added since the night before, and in the first night of a month all of it, so that what is changed
 * in old entries is found as well. What is wrong is told in the log and, once for each thing that is wrong, by an entry in the chain itself.
 * How far it has come stands in the database under a MAC: where somebody without the keys wrote it, that is told, and all is walked.
 */
export class NightlyVerification {
  readonly #parts: NightlyVerificationParts;
  readonly #startedMs: number;
  readonly #closing = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> | null = null;

  constructor(parts: NightlyVerificationParts) {
    this.#parts = parts;
    this.#startedMs = parts.now();
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
    this.#timer.unref();
  }

  /** Verifies the chains that are due, one at a time; never two looks at once. Never throws. */
  look(): Promise<void> {
    this.#looking ??= this.#lookAtAll().finally(() => (this.#looking = null));
    return this.#looking;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closing.abort();
    await this.#looking;
  }

  async #lookAtAll(): Promise<void> {
    for (const tenant of this.#parts.tenants()) {
      if (this.#closing.signal.aborted || !this.#parts.mine()) return;
      await this.#lookAt(tenant).catch((error: unknown) => {
        if (!this.#closing.signal.aborted) this.#parts.failed(tenant, error);
      });
    }
  }

  async #lookAt(tenant: string): Promise<void> {
    const stored = await loadVerification(this.#parts.db, this.#parts.keys, tenant);
    const isForged = stored?.problem === NOT_GENUINE;
    // When it says that it was looked at may be forged too.
    if (!isForged && !isDue(stored?.lookedMs ?? this.#startedMs, this.#parts.now())) return;
    if (isForged) await this.#alarm(tenant, null, { ...stored, lookedMs: this.#parts.now() });
    const before = isForged ? null : stored;
    const whole = before === null || before.problem !== null || monthOf(before.wholeMs) !== monthOf(this.#parts.now());
    await this.#keep(tenant, before, await this.#walk(tenant, before, whole ? 1n : before.verifiedTo + 1n));
  }

  async #walk(tenant: string, before: StoredVerification | null, from: bigint): Promise<StoredVerification> {
    const { db, signer, verify, now } = this.#parts;
    const origin = originOf(await loadDeploymentId(db), tenant);
    const chain = { tenant, from, to: "latest", noteKeys: signer.keys({ tenant, origin }) } as const;
    const { firstBadSequence, problem, entries } = await verify(chain, this.#closing.signal);
    // What is wrong at the edge of what was added may have begun before it: only the whole chain names the first bad entry.
    if (problem !== null && from > 1n) return this.#walk(tenant, before, 1n);
    const found = { lookedMs: now(), wholeMs: from === 1n || before === null ? now() : before.wholeMs };
    const last = from - 1n + entries;
    if (firstBadSequence !== null) return { ...found, verifiedTo: firstBadSequence - 1n, firstBadSequence, problem };
    if (before === null || last >= before.verifiedTo)
      return { ...found, verifiedTo: last, firstBadSequence: null, problem: null };
    const cut = `entries were cut off: the chain ends at ${last}, and was sound up to ${before.verifiedTo} before`;
    return { ...found, verifiedTo: last, firstBadSequence: last + 1n, problem: cut };
  }

  async #keep(tenant: string, before: StoredVerification | null, found: StoredVerification): Promise<void> {
    const { db, keys } = this.#parts;
    if (found.problem !== null) await this.#alarm(tenant, before, found);
    await putVerification(db, keys, tenant, found);
  }

  async #alarm(tenant: string, before: StoredVerification | null, found: StoredVerification): Promise<void> {
    const { spool, alarmed } = this.#parts;
    alarmed(tenant, found);
    if (before?.problem !== found.problem || before.firstBadSequence !== found.firstBadSequence)
      await spool.append(alertOf(tenant, found));
  }
}

/** Was it last looked at before the night that is over, or under way, now? */
export function isDue(lookedMs: number, nowMs: number): boolean {
  const nights = (ms: number): number => Math.floor((ms - NIGHT_HOUR * HOUR_MS) / DAY_MS);
  return nights(lookedMs) < nights(nowMs);
}

function monthOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 7);
}

function alertOf(tenant: string, { lookedMs, firstBadSequence, problem }: StoredVerification): AdminRecord {
  return {
    t: "admin",
    id: randomUUIDv7().replaceAll("-", ""),
    timeMs: lookedMs,
    tenant,
    environment: null,
    actor: "tollhouse",
    action: "ledger.verification_failed",
    subject: `sequence:${firstBadSequence}`,
    before: null,
    after: JSON.stringify({ severity: "critical", first_bad_sequence: Number(firstBadSequence), problem }),
  };
}
