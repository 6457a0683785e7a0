/** A record as the auditor reads it: the names are those of docs and disk, the reading is its own. */
export interface MirroredRecord {
  readonly t: string;
  readonly decision: string;
  readonly dimensions?: Readonly<Record<string, string>>;
  readonly reservedUsd?: string;
  readonly reservedTokens?: string;
  readonly usd?: string;
  readonly tokens?: string;
  readonly counters?: readonly { readonly limit: string; readonly measure: string }[];
  readonly deltas?: readonly string[];
  readonly required?: string;
  readonly limit?: string | null;
  readonly limits?: readonly string[];
}

export interface Frame {
  readonly path: string;
  /** Where it ends in its file. */
  readonly end: number;
  readonly record: MirroredRecord;
}

interface Began {
  readonly call: string;
  usd: bigint;
  tokens: bigint;
  readonly counters: readonly { readonly limit: string; readonly measure: string }[];
}

const MAGIC_BYTES = 8;

/** Every byte that was written to the spool, read as it is written; and what of it the disk lost again. */
export class SpoolMirror {
  frames: Frame[] = [];
  /** Every intent that ever was on disk. */
  readonly began = new Map<string, Began>();
  /** Calls of which a power cut took a record. */
  readonly lostByPower = new Set<string>();
  blockedEver = 0;
  readonly #files = new Map<string, { bytes: Buffer; read: number }>();
  readonly #overruns = new Map<string, bigint>();
  /** Ends of calls that a power cut took, and where they stood. */
  #lostEnds: { readonly path: string; readonly began: Began }[] = [];

  wrote(path: string, offset: number, bytes: Buffer): void {
    this.#weighLostEnds();
    const file = this.#files.get(path) ?? { bytes: Buffer.alloc(0), read: MAGIC_BYTES };
    this.#files.set(path, file);
    file.bytes = Buffer.concat([file.bytes.subarray(0, offset), bytes]);
    while (file.bytes.length >= file.read + 8) {
      const end = file.read + 8 + file.bytes.readUInt32BE(file.read);
      if (end > file.bytes.length) return;
      const record = JSON.parse(file.bytes.toString("utf8", file.read + 8, end)) as MirroredRecord;
      file.read = end;
      this.frames.push({ path, end, record });
      this.#keep(record);
    }
  }

  /** The file ends here now. By a cut of the power: what was behind is lost, and that has a name. */
  cut(path: string, length: number, power: boolean): void {
    const file = this.#files.get(path);
    if (file === undefined || file.bytes.length <= length) return;
    file.bytes = file.bytes.subarray(0, length);
    const lost = this.frames.filter((frame) => frame.path === path && frame.end > length);
    this.frames = this.frames.filter((frame) => frame.path !== path || frame.end <= length);
    file.read = this.frames.reduce((end, frame) => (frame.path === path ? Math.max(end, frame.end) : end), MAGIC_BYTES);
    for (const { record } of lost) {
      const began = this.began.get(record.decision);
      if (!power || began === undefined) continue;
      this.lostByPower.add(began.call);
      if (record.t === "outcome") this.#lostEnds.push({ path, began });
    }
  }

  /** The call began on disk, and a power cut took that. */
  lostIntent(decision: string): boolean {
    return this.began.has(decision) && !this.kept("intent").includes(decision);
  }

  kept(kind: string): string[] {
    return this.frames.filter(({ record }) => record.t === kind).map(({ record }) => record.decision);
  }

  outcomes(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const id of this.kept("outcome")) counts.set(id, (counts.get(id) ?? 0) + 1);
    return counts;
  }

  /** By how much calls were settled above what they held on a limit; and what those held whose end was lost in front of what was kept. */
  overrunOf(limit: string): bigint {
    this.#weighLostEnds();
    return this.#overruns.get(limit) ?? 0n;
  }

  /**
   * A disk that lied when a segment was sealed lost its end, and not what came after. A call that ended there is settled at what it held, beside
   * calls that were let in by what it gave back. Where nothing after it was kept, no call was, and nothing may be above.
   */
  #weighLostEnds(): void {
    for (const { path, began } of this.#lostEnds)
      if (this.frames.some((frame) => frame.path > path))
        for (const { limit, measure } of began.counters)
          this.#overruns.set(limit, (this.#overruns.get(limit) ?? 0n) + heldOf(began, measure));
    this.#lostEnds = [];
  }

  #keep(record: MirroredRecord): void {
    const began = this.began.get(record.decision);
    if (record.t === "blocked") this.blockedEver++;
    else if (record.t === "intent")
      this.began.set(record.decision, {
        call: record.dimensions?.["session"] ?? "",
        usd: BigInt(record.reservedUsd ?? 0),
        tokens: BigInt(record.reservedTokens ?? 0),
        counters: record.counters ?? [],
      });
    else if (record.t === "extend" && began !== undefined) {
      began.usd += BigInt(record.usd ?? 0);
      began.tokens += BigInt(record.tokens ?? 0);
    } else if (record.t === "outcome" && began !== undefined) this.#overrun(began, record.deltas ?? []);
  }

  #overrun(began: Began, deltas: readonly string[]): void {
    for (const [i, { limit, measure }] of began.counters.entries()) {
      const above = BigInt(deltas[i] ?? 0) - heldOf(began, measure);
      if (above > 0n) this.#overruns.set(limit, (this.#overruns.get(limit) ?? 0n) + above);
    }
  }
}

function heldOf(began: Began, measure: string): bigint {
  return measure === "usd" ? began.usd : measure === "tokens" ? began.tokens : 1n;
}
