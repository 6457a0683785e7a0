import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { Send } from "./keep-rows.ts";

/** Sent and not answered yet: as many as keep PostgreSQL at work, and few enough that they take little memory. */
const AHEAD_MAX = 4;

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
  };

  async done(): Promise<void> {
    for (const answer of this.#sent.splice(0)) await answer;
  }
}
