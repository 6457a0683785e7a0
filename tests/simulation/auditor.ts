import { createHash } from "node:crypto";
import { blockedOf, countersOf, type ReadEntry } from "./read-entry.ts";
import { type Frame, SpoolMirror } from "./spool-mirror.ts";

/** A limit as an operator would write it down. */
export interface AuditedLimit {
  readonly id: string;
  readonly measure: "usd" | "tokens" | "requests";
  readonly amount: bigint;
  readonly hard: boolean;
  readonly rolling: boolean;
}

export interface CounterRow {
  readonly limitId: string;
  readonly windowId: string;
  readonly settled: bigint;
  readonly reserved: bigint;
}

/** What the provider charges for one call, and how much of it nobody here can have seen. */
export interface BillLine {
  readonly call: string;
  readonly nano: bigint;
  /** Did the answer's own usage say so, to its end? */
  readonly told: boolean;
  /** Made after the last bytes that arrived, nano-dollars: counted streams may miss this much. */
  readonly unseenNano: bigint;
  /** Of `nano`: beyond what it can have made. Said in its usage alone, so that who did not live to record that cannot know. */
  readonly beyondNano: bigint;
}

/**
 * Judges a history by the rules of the product, from what is outside of it: bytes of the disk, rows of the database, answers to
 * clients, the provider's bill. It shares no code with what it judges.
 */
export class Auditor {
  readonly breaks: string[] = [];
  readonly spool = new SpoolMirror();
  readonly #limits: ReadonlyMap<string, AuditedLimit>;
  readonly #excess = new Map<string, bigint>();

  constructor(limits: readonly AuditedLimit[]) {
    this.#limits = new Map(limits.map((limit) => [limit.id, limit]));
  }

  broken(what: string): void {
    if (this.breaks.length < 50) this.breaks.push(what);
  }

  /** After every event: what is held and used of each limit. An overrun is weighed at the end, when it has been recorded. */
  counters(rows: Iterable<CounterRow>): void {
    const used = new Map<string, bigint>();
    for (const { limitId, windowId, settled, reserved } of rows) {
      const rolling = this.#limits.get(limitId)?.rolling === true;
      if (settled < 0n || reserved < 0n) this.broken(`${limitId} ${windowId}: below zero`);
      const name = rolling ? limitId : `${limitId} ${windowId}`;
      used.set(name, (used.get(name) ?? 0n) + settled + reserved);
    }
    for (const [name, amount] of used) {
      const limit = this.#limits.get(name.split(" ")[0] as string);
      const above = limit?.hard === true ? amount - limit.amount : 0n;
      if (above > (this.#excess.get(name) ?? 0n)) this.#excess.set(name, above);
    }
  }

  /** A request leaves: what it may cost is on disk, and with `durable` given, in the part that survives a power cut. */
  sent(call: string, durable: ((path: string) => number) | null): void {
    const intent = this.spool.frames.findLast(({ record }) => record.t === "intent" && sessionOf(record) === call);
    if (intent === undefined) this.broken(`${call}: sent upstream without an intent on disk`);
    else if (durable !== null && durable(intent.path) < intent.end)
      this.broken(`${call}: sent before its intent was synced`);
  }

  /** A call is refused by a limit: its numbers are those of the counter, and what it needed did not fit. */
  refused(call: string, body: string, rows: Iterable<CounterRow>): void {
    const said = (JSON.parse(body) as { tollhouse?: Refusal }).tollhouse;
    if (said?.limit === undefined || said.limit_state === undefined) return;
    const { id, measure } = said.limit;
    const used = [...rows].filter((row) => row.limitId === id);
    const total = units(said.limit_state.settled, measure) + units(said.limit_state.reserved, measure);
    const windows = used.map((row) => row.settled + row.reserved);
    const sum = windows.reduce((a, b) => a + b, 0n);
    const [limit] = [this.#limits.get(id)];
    if (limit !== undefined && !(limit.rolling ? [sum] : [...windows, 0n]).includes(total))
      this.broken(`${call}: refused by ${id} at ${total}, which its counter never said`);
  }

  /** Nothing runs: nothing is held, and counters, sums and the fold of the ledger are one. */
  atRest(rows: Iterable<CounterRow>, entries: readonly ReadEntry[], sums: ReadonlyMap<string, bigint>): void {
    const fold = foldOf(entries);
    for (const { limitId, windowId, settled, reserved } of rows) {
      const name = `${limitId} ${windowId}`;
      if (reserved !== 0n) this.broken(`${name}: ${reserved} is held at rest`);
      if (settled !== (fold.get(name) ?? 0n))
        this.broken(`${name}: ${settled} in memory, ${fold.get(name) ?? 0n} in the ledger`);
    }
    for (const name of new Set([...fold.keys(), ...sums.keys()]))
      if (fold.get(name) !== sums.get(name))
        this.broken(`${name}: sum ${sums.get(name)} in the database, ${fold.get(name)} in the ledger`);
  }

  judge(entries: readonly ReadEntry[], bill: readonly BillLine[]): void {
    this.#chain(entries);
    const ends = this.#ends(entries);
    this.#refusalsFit();
    this.#blocked(entries);
    const unknown = bill.reduce((sum, line) => sum + this.#billed(line, ends), 0n);
    for (const [name, above] of this.#excess) {
      const overrun = this.spool.overrunOf(name.split(" ")[0] as string) + unknown;
      if (above > overrun) this.broken(`${name}: ${above} above its amount, ${overrun} of it recorded as overrun`);
    }
  }

  #chain(entries: readonly ReadEntry[]): void {
    const [first] = entries;
    if (first === undefined) return;
    let previous = sha256("tollhouse/genesis/v1\0", Buffer.from("simulated"), first.body.subarray(4, 20));
    const ids = new Set<string>();
    for (const [i, entry] of entries.entries()) {
      if (entry.sequence !== BigInt(i + 1)) this.broken(`sequence ${entry.sequence} stands where ${i + 1} belongs`);
      if (ids.has(entry.id)) this.broken(`${entry.id} is in the ledger twice`);
      ids.add(entry.id);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(entry.body.length);
      previous = sha256("tollhouse/entry/v1\0", previous, length, entry.body);
      if (!previous.equals(entry.hash)) return this.broken(`the chain breaks at sequence ${entry.sequence}`);
    }
  }

  /** Every intent that the disk kept has exactly one end, on disk and in the ledger; nothing ended that never began. */
  #ends(entries: readonly ReadEntry[]): ReadonlyMap<string, ReadEntry> {
    const calls = new Map(entries.filter(({ type }) => type === 2 || type === 4).map((entry) => [entry.id, entry]));
    for (const id of this.spool.kept("intent"))
      if (!calls.has(id)) this.broken(`${id}: begun, and no end in the ledger`);
    for (const [id, count] of this.spool.outcomes()) if (count > 1) this.broken(`${id}: ${count} outcomes on disk`);
    for (const id of calls.keys()) if (!this.spool.began.has(id)) this.broken(`${id}: ended, and never begun`);
    return new Map([...calls.values()].map((entry) => [entry.session, entry]));
  }

  /** What refused a call, in its own record: with the amount it asked for, the limit would have been passed. */
  #refusalsFit(): void {
    for (const { record } of this.spool.frames) {
      if (record.t !== "blocked" || record.required === undefined) continue;
      const seen = record.limits?.map((text) => text.split(" ")).find(([id]) => id === record.limit);
      if (seen === undefined) continue;
      const [amount, settled, reserved] = [seen[6], seen[9], seen[10]].map((text) => BigInt(text ?? "0"));
      if ((settled ?? 0n) + (reserved ?? 0n) + BigInt(record.required) <= (amount ?? 0n))
        this.broken(`${record.decision}: a phantom refusal: ${record.required} fits into ${seen.join(" ")}`);
    }
  }

  #blocked(entries: readonly ReadEntry[]): void {
    const recorded = entries.reduce((sum, entry) => sum + blockedOf(entry), 0);
    const [kept, ever] = [this.spool.kept("blocked").length, this.spool.blockedEver];
    if (recorded < kept || recorded > ever)
      this.broken(`${recorded} refusals in the ledger, ${kept} to ${ever} on disk`);
  }

  /**
   * The provider's bill is explained to the nano-dollar, or the gap has a name: lost by the disk, made where nobody saw it, or beyond
   * what was possible and never heard. Answers the last of these.
   */
  #billed(line: BillLine, ends: ReadonlyMap<string, ReadEntry>): bigint {
    if (this.spool.lostByPower.has(line.call) || line.nano === 0n) return line.beyondNano;
    const entry = ends.get(line.call);
    if (entry === undefined) {
      this.broken(`${line.call}: billed ${line.nano}, and not in the ledger`);
      return 0n;
    }
    const heard = line.told && (entry.flags & 16) === 0;
    if (entry.source === 1 && heard && entry.amount !== line.nano)
      this.broken(`${line.call}: billed ${line.nano}, settled ${entry.amount} as reported`);
    const gap = heard ? 0n : line.unseenNano + line.beyondNano;
    if (entry.amount + gap < line.nano)
      this.broken(`${line.call}: billed ${line.nano}, settled ${entry.amount}, unseen ${gap}`);
    return heard ? 0n : line.beyondNano;
  }
}

interface Refusal {
  readonly limit?: { readonly id: string; readonly measure: string };
  readonly limit_state?: { readonly settled: string; readonly reserved: string };
}

function sessionOf(record: Frame["record"]): string | undefined {
  return record.dimensions?.["session"];
}

function units(text: string, measure: string): bigint {
  return measure === "usd" ? BigInt(text.replace(".", "")) : BigInt(text);
}

function foldOf(entries: readonly ReadEntry[]): Map<string, bigint> {
  const fold = new Map<string, bigint>();
  for (const entry of entries)
    for (const [name, amount] of countersOf(entry)) fold.set(name, (fold.get(name) ?? 0n) + amount);
  return fold;
}

function sha256(label: string, ...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256").update(label, "latin1");
  for (const part of parts) hash.update(part);
  return hash.digest();
}
