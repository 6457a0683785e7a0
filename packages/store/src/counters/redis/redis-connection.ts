import { createClient, ErrorReply } from "@redis/client";
import { CountersUnavailable } from "../shared-counters.ts";
import { Deadlines } from "./deadlines.ts";
import type { Address, RedisPlace } from "./redis-url.ts";
import { refusalOf } from "./server-refusal.ts";

export interface ConnectionOptions {
  readonly place: Pick<RedisPlace, "tls" | "username" | "password" | "database">;
  readonly deadlineMs: number;
  /** It cannot be used any more, or not as a master: somebody should look where the masters are now. */
  readonly onLost: () => void;
  /** It can be used from now on. */
  readonly onUsable: () => void;
}

/** Without an answer for so long, while one is due, a connection is given up: the other end may be gone without a word. */
const SILENT_MS = 3_000;
const WATCH_MS = 500;
const RECHECK_MS = 2_000;
/** A server that does not answer must not fill our memory. */
const UNANSWERED_MAX = 100_000;
const RETRY_MS = [50, 1_000] as const;

type Client = ReturnType<typeof newClient>;

/**
 * One connection to one server, for ever: it reconnects by itself. Commands of one turn of the event loop go out together. A command is
 * sent once or not at all: nothing is queued while there is no connection, and nothing is repeated.
 */
export class RedisConnection {
  readonly address: Address;
  readonly #options: ConnectionOptions;
  readonly #deadlines: Deadlines;
  readonly #watch: NodeJS.Timeout;
  #client: Client;
  #usable = false;
  #refused: string | null = null;
  /** What the last attempt said. */
  #failed = "";
  #checking: Client | null = null;
  #checkedAt = 0;
  #unanswered = 0;
  /** When an answer came, or the first command went out after all had been answered. */
  #heardAt = performance.now();

  constructor(address: Address, options: ConnectionOptions) {
    this.address = address;
    this.#options = options;
    this.#deadlines = new Deadlines(options.deadlineMs);
    this.#client = this.#connect();
    this.#watch = setInterval(() => this.#look(), WATCH_MS).unref();
  }

  get name(): string {
    return `${this.address.host}:${this.address.port}`;
  }

  get usable(): boolean {
    return this.#usable;
  }

  /** Why this server can never be used as it is; null = nothing against it. */
  get refused(): string | null {
    return this.#refused;
  }

  /** Why it cannot be used now, whether that may pass or not; null = nothing is known against it. */
  get trouble(): string | null {
    if (this.#refused !== null || this.#usable) return this.#refused;
    return `${this.name} cannot be reached${this.#failed === "" ? "" : `: ${this.#failed}`}`;
  }

  /** Rejects with CountersUnavailable, or with the ErrorReply of the server. */
  send(args: readonly string[]): Promise<unknown> {
    if (!this.#usable) return Promise.reject(this.#unreachable());
    return this.#deadlines.within(
      this.#ask(args),
      () => new CountersUnavailable("slow", `${this.name} did not answer within ${this.#options.deadlineMs} ms`),
    );
  }

  /** Without the deadline of calls: for work in the background. It ends with the connection. */
  sendLong(args: readonly string[]): Promise<unknown> {
    return this.#usable ? this.#ask(args) : Promise.reject(this.#unreachable());
  }

  close(): void {
    clearInterval(this.#watch);
    this.#deadlines.close();
    this.#usable = false;
    this.#client.destroy();
  }

  async #ask(args: readonly string[]): Promise<unknown> {
    if (this.#unanswered === 0) this.#heardAt = performance.now();
    this.#unanswered++;
    try {
      const reply: unknown = await this.#client.sendCommand(args);
      this.#heardAt = performance.now();
      return reply;
    } catch (error) {
      if (!(error instanceof ErrorReply)) throw this.#unreachable(error);
      this.#heardAt = performance.now();
      throw error;
    } finally {
      this.#unanswered--;
    }
  }

  #unreachable(cause?: unknown): CountersUnavailable {
    const why = this.trouble ?? `${this.name} cannot be reached`;
    return new CountersUnavailable("unreachable", why, cause);
  }

  #connect(): Client {
    this.#heardAt = performance.now();
    const client = newClient(this.address, this.#options.place);
    client.on("error", (error: Error) => {
      if (client === this.#client) this.#failed = error.message;
      this.#down(client);
    });
    client.on("ready", () => void this.#check(client));
    client.connect().catch(() => undefined);
    return client;
  }

  #down(client: Client): void {
    if (client !== this.#client || !this.#usable) return;
    this.#usable = false;
    this.#options.onLost();
  }

  /** Before a new connection is used: is it a server that can keep counters, and the master? */
  async #check(client: Client): Promise<void> {
    if (this.#checking === client || client !== this.#client) return;
    this.#checking = client;
    this.#checkedAt = performance.now();
    try {
      const info = String(await this.#ask(["INFO"]));
      if (client !== this.#client) return;
      const { refused, master } = refusalOf(info);
      this.#refused = refused === null ? null : `${this.name}: ${refused}`;
      this.#usable = refused === null && master;
      if (this.#usable) this.#options.onUsable();
      else this.#options.onLost();
    } catch (error) {
      if (error instanceof ErrorReply) this.#refused = `${this.name}: INFO is refused: ${error.message}`;
    } finally {
      if (this.#checking === client) this.#checking = null;
    }
  }

  #look(): void {
    const nowMs = performance.now();
    const waiting = this.#unanswered > 0 || !this.#client.isReady;
    if (waiting && nowMs - this.#heardAt > SILENT_MS) this.#renew();
    else if (!this.#usable && this.#client.isReady && nowMs - this.#checkedAt > RECHECK_MS)
      void this.#check(this.#client);
    // Something is always due, so that a silent end is noticed also while nobody calls.
    else if (this.#usable && this.#unanswered === 0) this.#ask(["PING"]).catch(() => undefined);
  }

  #renew(): void {
    const old = this.#client;
    this.#down(old);
    this.#client = this.#connect();
    old.destroy();
  }
}

function newClient({ host, port }: Address, place: ConnectionOptions["place"]) {
  return createClient({
    RESP: 2,
    ...(place.username !== undefined && { username: place.username }),
    ...(place.password !== undefined && { password: place.password }),
    database: place.database,
    disableOfflineQueue: true,
    disableClientInfo: true,
    commandsQueueMaxLength: UNANSWERED_MAX,
    // Theirs makes an AbortSignal for each command, and tells nothing of one that was sent.
    commandOptions: { timeout: 0 },
    socket: {
      host,
      port,
      ...(place.tls ? { tls: true as const } : {}),
      connectTimeout: SILENT_MS,
      reconnectStrategy: (retries) => Math.min(RETRY_MS[1], RETRY_MS[0] * 2 ** retries) * (0.5 + Math.random()),
    },
  });
}
