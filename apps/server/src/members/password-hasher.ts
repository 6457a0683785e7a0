import { argon2, randomBytes, timingSafeEqual, type Argon2Parameters } from "node:crypto";
import { promisify } from "node:util";
import { Problem } from "../control/problem.ts";
import { Turns } from "../turns.ts";

/** OWASP's first choice for argon2id: 19 MiB, two passes, about 40 ms of one core. */
const COST = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const BYTES = 32;
const SALT_BYTES = 16;
/** A second and a half of work; who comes after them is told to try again. */
const WAITING_MAX = 32;
const RETRY_S = 2;
const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

type Cost = Pick<Argon2Parameters, "memory" | "passes" | "parallelism">;

/**
 * argon2id as PHC strings. One at a time: it works in the thread pool that the spool writes in, and a flood of sign-ins must take no more
 * than one of its threads from the calls.
 */
export class PasswordHasher {
  readonly #turns = new Turns();
  #waiting = 0;

  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES);
    const hash = await this.#derive(password, salt, COST);
    const { memory, passes, parallelism } = COST;
    return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(hash)}`;
  }

  /** `phc` null: nobody has such a password, which is found out as slowly. */
  async verify(password: string, phc: string | null): Promise<boolean> {
    const parts = PHC.exec(phc ?? "");
    if (phc !== null && parts === null) throw new Error("a stored password hash is no argon2id PHC string");
    const [, memory, passes, parallelism, salt = "", expected = ""] = parts ?? [];
    const cost =
      parts === null ? COST : { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) };
    const hash = await this.#derive(
      password,
      parts === null ? Buffer.alloc(SALT_BYTES) : Buffer.from(salt, "base64"),
      cost,
    );
    const stored = parts === null ? Buffer.alloc(BYTES) : Buffer.from(expected, "base64");
    return hash.length === stored.length && timingSafeEqual(hash, stored) && parts !== null;
  }

  async #derive(password: string, nonce: Buffer, cost: Cost): Promise<Buffer> {
    if (this.#waiting >= WAITING_MAX)
      throw new Problem("OVERLOADED", "Too many sign in at once; try again in a moment", [], RETRY_S);
    this.#waiting += 1;
    try {
      // One spelling of letters that have several: what is typed on another keyboard is the same password.
      const message = password.normalize("NFKC");
      return await this.#turns.run(() => deriveAside("argon2id", { message, nonce, tagLength: BYTES, ...cost }));
    } finally {
      this.#waiting -= 1;
    }
  }
}

const deriveAside = promisify(argon2);

/** As PHC strings have it: without padding. */
function base64(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("=", "");
}
