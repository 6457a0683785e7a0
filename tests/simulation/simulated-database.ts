import { statementName } from "../../packages/store/src/database/sql.ts";
import type { QueryAnswer, Queryable } from "@tollhouse/store";
import type { Random } from "../chaos/random.ts";

export interface StoredEntry {
  readonly tenant: string;
  readonly sequence: bigint;
  readonly id: string;
  readonly body: Buffer;
  readonly hash: Buffer;
}

export interface StoredSum {
  readonly tenant: string;
  readonly limit: string;
  readonly window: string;
  settled: bigint;
}

export interface DatabaseSenses {
  readonly random: Random;
  readonly pause: (ms: number) => Promise<void>;
  /** Of the world, whoever lives: a commit under way is the server's, and lands without its client. */
  readonly later: (ms: number, happen: () => void) => void;
  /** Is the process that asks still there? Its death may come with this very statement. */
  readonly asking: () => boolean;
  readonly fault: { down: boolean; flaky: boolean };
  readonly seen: (what: string) => void;
  /** A transaction that was committed, statement by statement. */
  readonly committed: (writes: readonly Write[]) => void;
}

export interface Write {
  readonly name: string;
  readonly values: readonly unknown[];
}

type Values = readonly unknown[];
type Rows = Record<string, unknown>[];

/**
 * PostgreSQL as the recorder meets it: the few statements of `appendBatch` and of a start, with their constraints, one transaction at
 * a time under the chain's lock. What a transaction writes is applied when it commits, all of it or nothing.
 * It is no PostgreSQL: the real tests of packages/store show that the same statements do there what is assumed here.
 */
export class SimulatedDatabase {
  readonly entries: StoredEntry[] = [];
  readonly sums = new Map<string, StoredSum>();
  readonly #ids = new Set<string>();
  readonly #positions = new Map<string, Values>();
  readonly #open = new Map<string, Record<string, unknown>>();
  readonly #senses: DatabaseSenses;
  /** A commit of a process that died may still be on its way; it holds the chain, and the row of the spool's place, until it landed. */
  #underWay: Promise<void> = Promise.resolve();

  constructor(senses: DatabaseSenses) {
    this.#senses = senses;
  }

  async query<Row>(text: string, values: Values = []): Promise<QueryAnswer<Row>> {
    await this.#reach();
    const name = nameOf(text);
    if (name === "claim-spool-position") await this.#underWay;
    return answer(this.read(name, values));
  }

  async transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    const writes: Write[] = [];
    const askOne = async <Row>(text: string, values: Values): Promise<QueryAnswer<Row>> => {
      await this.#reach();
      const name = nameOf(text);
      if (name === "lock-chains" || name === "upsert-spool-position") await this.#underWay;
      if (name === "lock-chains") return answer([]);
      if (this.isWrite(name)) {
        writes.push({ name, values });
        return answer([]);
      }
      return answer(this.read(name, values));
    };
    // Statements that are asked before those earlier are answered wait for them, as on one connection; behind one that failed all fail.
    let last: Promise<unknown> = Promise.resolve();
    const query = <Row>(text: string, values: Values = []): Promise<QueryAnswer<Row>> => {
      const answered = last.then(() => askOne<Row>(text, values));
      answered.catch(() => undefined);
      last = answered;
      return answered;
    };
    const result = await work({ query });
    await this.#commit(writes);
    return result;
  }

  protected isWrite(name: string): boolean {
    return /^(insert|upsert|delete)-/.test(name);
  }

  async #reach(): Promise<void> {
    const { random, fault, seen } = this.#senses;
    await this.#senses.pause(random.between(0, 3));
    if (fault.down) {
      seen("PostgreSQL is away");
      throw new Error("the connection was refused");
    }
    if (!fault.flaky || random.next() > 0.012) return;
    seen("a statement fails: serialization, or a connection lost before the commit");
    throw Object.assign(new Error("could not serialize access"), { code: "40001" });
  }

  async #commit(writes: readonly Write[]): Promise<void> {
    await this.#reach();
    const { random, fault, seen, later, pause } = this.#senses;
    const land = (): void => {
      this.apply(writes);
      this.#senses.committed(writes);
    };
    if (!this.#senses.asking()) {
      if (random.next() < 0.5) return;
      // Killed with COMMIT on the wire.
      seen("a commit lands after its process died");
      const landed = Promise.withResolvers<void>();
      this.#underWay = landed.promise;
      return later(random.between(1, 300), () => {
        land();
        landed.resolve();
      });
    }
    await pause(random.between(0, 2));
    land();
    await pause(random.between(0, 2));
    if (!fault.flaky || random.next() > 0.08) return;
    seen("the acknowledgement of a commit is lost");
    throw new Error("the connection broke during COMMIT");
  }

  protected read(name: string, values: Values): Rows {
    switch (name) {
      case "deployment-id":
        return [{ value: "simulated" }];
      case "claim-spool-position":
        return this.#positionOf(values[0] as string);
      case "open-calls":
        return [...this.#open.values()].filter((row) => row["node"] === values[0]);
      case "all-counter-sums":
        return this.#sumsAfter(values);
      case "entries-present":
        return (values[1] as string[])
          .map((id, i) => ({ tenant: (values[0] as string[])[i], entry_id: id }))
          .filter((row) => this.#ids.has(row.entry_id));
      case "chain-heads":
        return (values[0] as string[]).flatMap((tenant) => {
          const head = this.entries.filter((entry) => entry.tenant === tenant).at(-1);
          return head === undefined
            ? []
            : [{ tenant, sequence: head.sequence, entry_hash: head.hash, body: head.body }];
        });
      default:
        throw new Error(`the simulated database does not know the statement ${name}`);
    }
  }

  protected apply(writes: readonly Write[]): void {
    for (const { name, values } of writes) this.applyOne(name, values);
  }

  protected applyOne(name: string, values: Values): void {
    const column = <T>(i: number): readonly T[] => values[i] as readonly T[];
    switch (name) {
      case "insert-entries":
        return column<string>(0).forEach((tenant, i) =>
          this.insertEntry({
            tenant,
            sequence: column<bigint>(1)[i] as bigint,
            id: Buffer.from(column<Uint8Array>(2)[i] as Uint8Array).toString("hex"),
            body: Buffer.from(column<Buffer>(26)[i] as Buffer),
            hash: Buffer.from(column<Buffer>(27)[i] as Buffer),
          }),
        );
      case "upsert-counter-sums":
        return column<string>(0).forEach((tenant, i) => {
          const [limit, window] = [String(column(1)[i]), String(column(2)[i])];
          const sum = this.sums.get(`${limit} ${window}`) ?? { tenant, limit, window, settled: 0n };
          sum.settled += column<bigint>(3)[i] as bigint;
          this.sums.set(`${limit} ${window}`, sum);
        });
      case "upsert-spool-position":
        return void this.#positions.set(values[0] as string, values);
      case "upsert-open-calls":
        return column<string>(1).forEach((decision, i) =>
          this.#open.set(decision, {
            node: values[0],
            intent: this.#open.get(decision)?.["intent"] ?? column<string>(2)[i],
            reserved_usd: column<bigint>(3)[i],
            reserved_tokens: column<bigint>(4)[i],
          }),
        );
      case "delete-open-calls":
        return column<string>(1).forEach((decision) => this.#open.delete(decision));
      default:
        if (!name.startsWith("upsert-usage-")) throw new Error(`the simulated database cannot write ${name}`);
    }
  }

  protected insertEntry(entry: StoredEntry): void {
    const taken = this.#ids.has(entry.id) || this.entries.at(-1)?.sequence === entry.sequence;
    if (taken) throw Object.assign(new Error("duplicate key value violates unique constraint"), { code: "23505" });
    this.#ids.add(entry.id);
    this.entries.push(entry);
  }

  #positionOf(node: string): Rows {
    const values = this.#positions.get(node) ?? [node, 0, 0, 0, 0, "{}"];
    const [, startSegment, startOffset, doneSegment, doneOffset, floods] = values as [string, ...number[]];
    return [
      {
        start_segment: BigInt(startSegment as number),
        start_offset: BigInt(startOffset as number),
        done_segment: BigInt(doneSegment as number),
        done_offset: BigInt(doneOffset as number),
        floods: JSON.parse(String(floods)) as unknown,
      },
    ];
  }

  #sumsAfter([, limit, window]: Values): Rows {
    if (limit !== "" || window !== "") return [];
    return [...this.sums.values()].map((sum) => ({
      tenant: sum.tenant,
      limit_id: sum.limit,
      window_id: sum.window,
      settled: sum.settled,
    }));
  }
}

function nameOf(text: string): string {
  const name = statementName(text);
  if (name === undefined) throw new Error(`a statement that is not of packages/store/sql: ${text.slice(0, 60)}`);
  return name;
}

function answer<Row>(rows: Rows): QueryAnswer<Row> {
  return { rows: rows as Row[], rowCount: rows.length };
}
