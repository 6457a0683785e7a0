import { Client } from "pg";
import type { QueryAnswer, Queryable } from "./database.ts";
import { poolConfig } from "./pool.ts";

export interface ListeningOptions {
  readonly url: string;
  readonly role: string;
  readonly channel: string;
  /** Something was told on the channel, or the connection is a new one and may have missed it. */
  readonly onHint: () => void;
  readonly applicationName: string;
  /** An answer that takes longer is taken for none. */
  readonly answerTimeoutMs?: number;
}

/** A failover that nobody announces leaves a connection that looks alive for a quarter of an hour. */
const ANSWER_TIMEOUT_MS = 3_000;

/**
 * One connection of its own that is asked and listens: whoever cannot be asked does not notify either, so the next question finds out.
 * A lost one is opened anew by that question. No work of others holds it up.
 */
export class ListeningConnection implements Queryable {
  readonly #options: ListeningOptions;
  #connecting: Promise<Client> | null = null;
  #closed = false;

  constructor(options: ListeningOptions) {
    this.#options = options;
  }

  /** Rejects where there is no answer; then the statement may have taken effect. */
  async query<Row>(text: string, values: readonly unknown[] = []): Promise<QueryAnswer<Row>> {
    if (this.#closed) throw new Error("the connection is closed");
    const connecting = (this.#connecting ??= this.#connect());
    try {
      const { rows, rowCount } = await (await connecting).query(text, [...values]);
      return { rows: rows as Row[], rowCount: rowCount ?? 0 };
    } catch (error) {
      this.#drop(connecting);
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
    if (this.#connecting !== null) this.#drop(this.#connecting);
  }

  #connect(): Promise<Client> {
    const { url, role, channel, onHint, applicationName, answerTimeoutMs = ANSWER_TIMEOUT_MS } = this.#options;
    const client = new Client({
      ...poolConfig({ url }, { role, applicationName, answerTimeoutMs }),
      connectionTimeoutMillis: answerTimeoutMs,
    });
    client.on("notification", onHint);
    const connected = (async () => {
      try {
        await client.connect();
        await client.query(`LISTEN ${channel}`);
      } catch (error) {
        leave(client);
        throw error;
      }
      onHint();
      return client;
    })();
    client.on("error", () => this.#drop(connected));
    client.on("end", () => this.#drop(connected));
    return connected;
  }

  #drop(connecting: Promise<Client>): void {
    if (this.#connecting === connecting) this.#connecting = null;
    connecting.then(leave, () => undefined);
  }
}

/** Without waiting for its goodbye: it may be one that never answers. */
function leave(client: Client): void {
  client.end().catch(() => undefined);
}
