import { Client } from "pg";
import type { Queryable } from "../database/database.ts";
import { poolConfig } from "../database/pool.ts";
import { CONFIGURATION_CHANNEL, configurationNews, type ConfigurationNews } from "./configuration-changes.ts";

export interface ConfigurationFeedOptions {
  readonly url: string;
  readonly role: string;
  /** There may be news. */
  readonly onHint: () => void;
  /** An answer that takes longer is taken for none. */
  readonly answerTimeoutMs?: number;
}

/** A failover that nobody announces leaves a connection that looks alive for a quarter of an hour. */
const ANSWER_TIMEOUT_MS = 3_000;

/**
 * Asks for changes, on the connection that listens for hints of them: whoever cannot be asked does not notify either. One connection,
 * of its own, so that no report that holds the others keeps a change from being seen. A lost one is opened anew by the next question.
 */
export class ConfigurationFeed {
  readonly #options: ConfigurationFeedOptions;
  #client: Client | null = null;
  #closed = false;

  constructor(options: ConfigurationFeedOptions) {
    this.#options = options;
  }

  /** One question at a time. Throws where there is no answer. */
  async news(version: bigint, changesMax: number): Promise<ConfigurationNews> {
    const client = this.#client ?? (await this.#connect());
    try {
      return await configurationNews(queryable(client), version, changesMax);
    } catch (error) {
      this.#drop(client);
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
    if (this.#client !== null) this.#drop(this.#client);
  }

  async #connect(): Promise<Client> {
    const { url, role, onHint, answerTimeoutMs = ANSWER_TIMEOUT_MS } = this.#options;
    const client = new Client({
      ...poolConfig({ url }, { role, applicationName: "tollhouse configuration", answerTimeoutMs }),
      connectionTimeoutMillis: answerTimeoutMs,
    });
    client.on("error", () => this.#drop(client));
    client.on("end", () => this.#drop(client));
    client.on("notification", onHint);
    try {
      await client.connect();
      await client.query(`LISTEN ${CONFIGURATION_CHANNEL}`);
    } catch (error) {
      this.#drop(client);
      throw error;
    }
    if (this.#closed) this.#drop(client);
    else this.#client = client;
    return client;
  }

  /** Without waiting for its goodbye: it may be one that never answers. */
  #drop(client: Client): void {
    if (this.#client === client) this.#client = null;
    client.end().catch(() => undefined);
  }
}

function queryable(client: Client): Queryable {
  return {
    async query<Row>(text: string, values: readonly unknown[] = []) {
      const { rows, rowCount } = await client.query(text, [...values]);
      return { rows: rows as Row[], rowCount: rowCount ?? 0 };
    },
  };
}
