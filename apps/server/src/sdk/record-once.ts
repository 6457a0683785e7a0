import { createHash } from "node:crypto";
import type { RecordedOnce } from "@tollhouse/store";
import { Problem } from "../control/problem.ts";
import type { Place } from "../place.ts";

export interface RecordOnceParts {
  /** What is in the database under these names. */
  find(place: Place, names: readonly string[]): Promise<ReadonlyMap<string, RecordedOnce>>;
  /** Resolves when all that was recorded before is in the database. */
  drained(): Promise<void>;
  /** Null: there is no other node. */
  readonly claims: RecordClaims | null;
  /** The database could not be asked. */
  failed(error: unknown): void;
}

/** Keeps several nodes from recording under one name at once. */
export interface RecordClaims {
  /** False: another node has one of them, and none is taken. */
  take(place: Place, names: readonly string[], body: string): Promise<boolean>;
  free(place: Place, names: readonly string[]): Promise<void>;
}

/** A name for SHA-256: what makes two records the same one. */
export interface OnceName {
  readonly name: string;
  /** What it is, for whoever is refused. */
  readonly what: string;
}

interface Known {
  readonly body: string;
  readonly answer: Promise<string>;
}

interface Question {
  readonly place: Place;
  readonly names: Set<string>;
  readonly answer: PromiseWithResolvers<ReadonlyMap<string, RecordedOnce>>;
}

const NOT_ASKED = "Whether this was recorded before cannot be looked up right now; nothing was recorded";
const ELSEWHERE = "This is being recorded at another node right now; send it again";
/** A node that took a name has recorded, and has it in the database, long before. */
const CLAIMED_MS = 5_000;
const LOOK_EVERY_MS = 50;
/** Names of this process stay in memory until the database has them, and at least so long: retries come soon. */
const KEPT_MS = 2_000;

/**
 * Makes a record once: the same name and body get the first answer, another body is refused. Names of this process are in memory until
 * the database has them; those of processes before are looked up there. A record that fails leaves its names free.
 */
export class RecordOnce {
  readonly #parts: RecordOnceParts;
  readonly #known = new Map<string, Known>();
  #done: string[] = [];
  #timer: NodeJS.Timeout | null = null;
  #questions: Question[] = [];

  constructor(parts: RecordOnceParts) {
    this.#parts = parts;
  }

  /**
   * `body`: SHA-256 of what was sent. `make` is given what to write beside the entry, and answers when it is durable. `fresh`: no
   * process of this node can have recorded under these names, and its entry is there once whoever else does.
   */
  run(
    place: Place,
    names: readonly OnceName[],
    body: string,
    fresh: boolean,
    make: (names: readonly string[], body: string) => Promise<string>,
  ): Promise<string> {
    for (const { name, what } of names) {
      const known = this.#known.get(name);
      if (known === undefined) continue;
      if (known.body !== body) return Promise.reject(conflict(what));
      return known.answer;
    }
    const answer = this.#make(place, names, body, fresh, make);
    for (const { name } of names) this.#known.set(name, { body, answer });
    answer.then(
      () => this.#forgetLater(names),
      () => this.#forget(names.map(({ name }) => name)),
    );
    return answer;
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #make(
    place: Place,
    names: readonly OnceName[],
    body: string,
    fresh: boolean,
    make: (names: readonly string[], body: string) => Promise<string>,
  ): Promise<string> {
    const all = names.map(({ name }) => name);
    const { claims } = this.#parts;
    if (all.length === 0 || (fresh && claims === null)) return make(all, body);
    if (claims === null) return (await this.#recorded(place, names, body)) ?? make(all, body);
    const answer = await this.#claim(claims, place, names, body, fresh);
    if (answer !== null) return answer;
    try {
      return await make(all, body);
    } catch (error) {
      await claims.free(place, all).catch((failed: unknown) => this.#parts.failed(failed));
      throw error;
    }
  }

  /** The answer that is there; null: nobody has recorded under one of these names. */
  async #recorded(place: Place, names: readonly OnceName[], body: string): Promise<string | null> {
    const found = await this.#find(place, names);
    for (const { name, what } of names) {
      const recorded = found.get(name);
      if (recorded === undefined) continue;
      if (recorded.body !== body) throw conflict(what);
      return recorded.answer;
    }
    return null;
  }

  /** Null: the names are this node's. Where another has them, what that one answers is waited for. */
  async #claim(
    claims: RecordClaims,
    place: Place,
    names: readonly OnceName[],
    body: string,
    fresh: boolean,
  ): Promise<string | null> {
    const all = names.map(({ name }) => name);
    for (const until = performance.now() + CLAIMED_MS; performance.now() < until;) {
      const taken = await claims.take(place, all, body).catch((error: unknown) => {
        this.#parts.failed(error);
        if (!fresh) throw new Problem("LIMITS_UNAVAILABLE", NOT_ASKED);
        return true;
      });
      if (taken) return null;
      const answer = await this.#recorded(place, names, body);
      if (answer !== null) return answer;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    throw new Problem("LIMITS_UNAVAILABLE", ELSEWHERE);
  }

  /** All that is asked in one turn is one question: a batch asks once. */
  #find(place: Place, names: readonly OnceName[]): Promise<ReadonlyMap<string, RecordedOnce>> {
    if (this.#questions.length === 0) setImmediate(() => this.#ask());
    let question = this.#questions.find(({ place: other }) => samePlace(place, other));
    if (question === undefined) {
      question = { place, names: new Set(), answer: Promise.withResolvers() };
      this.#questions.push(question);
    }
    for (const { name } of names) question.names.add(name);
    return question.answer.promise;
  }

  #ask(): void {
    const questions = this.#questions;
    this.#questions = [];
    for (const { place, names, answer } of questions)
      this.#parts.find(place, [...names]).then(answer.resolve, (error: unknown) => {
        this.#parts.failed(error);
        answer.reject(new Problem("LIMITS_UNAVAILABLE", NOT_ASKED));
      });
  }

  #forgetLater(names: readonly OnceName[]): void {
    for (const { name } of names) this.#done.push(name);
    this.#timer ??= setTimeout(() => void this.#forgetRecorded(), KEPT_MS).unref();
  }

  async #forgetRecorded(): Promise<void> {
    const names = this.#done;
    this.#done = [];
    await this.#parts.drained();
    this.#forget(names);
    this.#timer = null;
    if (this.#done.length > 0) this.#forgetLater([]);
  }

  #forget(names: readonly string[]): void {
    for (const name of names) this.#known.delete(name);
  }
}

function samePlace(a: Place, b: Place): boolean {
  return a.tenant === b.tenant && a.environment === b.environment;
}

function conflict(what: string): Problem {
  return new Problem("IDEMPOTENCY_CONFLICT", `${what} was recorded with another body`);
}

export function onceName(what: string, ...parts: readonly string[]): OnceName {
  return { what, name: sha256(JSON.stringify(parts)) };
}

/** The same for two objects whose fields are in another order. */
export function bodyHash(body: unknown): string {
  return sha256(JSON.stringify(sorted(body)));
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, each]) => [name, sorted(each)]));
}
