import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { Send } from "./keep-rows.ts";

/** Sent and not answered yet: all sums of a stretch of entries (`append-batch.ts`), at which PostgreSQL is for as long as the next stretch takes to make. */
const AHEAD_MAX = 16;

/**
 * Statements of one transaction whose answers nobody needs: each is sent while PostgreSQL is still at those before it, so that both sides work at
 * the same time. What fails is told by a later `send`, or by `done`, which must be awaited before the transaction's end.
 */
export class StatementsAhead {
  readonly #tx: Queryable;
  readonly #sent: Promise<unknown>[] = [];

  constructor(tx: Queryable) {
    this.#tx = tx;
  }

  readonly send: Send = async (statement, values) => {
    const answer = this.#tx.query(sql(statement), values);
    // Told where it is awaited; behind one that failed nobody comes to it.
    answer.catch(() => undefined);
    this.#sent.push(answer);
    if (this.#sent.length > AHEAD_MAX) await this.#sent.shift();
    // What the socket did not take at once goes out between two turns of the event loop alone.
    await new Promise(setImmediate);
  };

  async done(): Promise<void> {
    for (const answer of this.#sent.splice(0)) await answer;
  }
}
