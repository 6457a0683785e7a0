import type { Readable } from "node:stream";
import type { Queryable } from "@tollhouse/store";
import { Problem } from "../control/problem.ts";
import { EventStream, type EventStreamParts } from "./event-stream.ts";
import { TenantWatch } from "./tenant-watch.ts";

/** Open at once in this process, and of one tenant in it; each holds a connection. */
export const STREAMS_MAX = 512;
export const STREAMS_OF_TENANT_MAX = 128;
const RETRY_S = 10;

export interface ListenRequest extends Omit<EventStreamParts, "failed"> {
  /** 32 hex digits. */
  readonly tenant: string;
  /** Sequence of the last event that was read; null = what happens from now on. */
  readonly since: bigint | null;
  /** Does it go on with what happens? Otherwise it ends with what there is. */
  readonly follow: boolean;
}

export interface LiveEventsParts {
  readonly dbOf: (tenant: string) => Queryable;
  readonly failed: (error: unknown) => void;
}

/** Everybody who listens to `GET /api/v1/events` of this process. */
export class LiveEvents {
  readonly #parts: LiveEventsParts;
  readonly #watches = new Map<string, TenantWatch>();
  #open = 0;

  constructor(parts: LiveEventsParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#open;
  }

  async listen({ tenant, since, follow, ...of }: ListenRequest): Promise<Readable> {
    const watch = this.#watchOf(tenant);
    const stream: EventStream = new EventStream({ ...of, failed: this.#parts.failed }, () => {
      this.#open--;
      watch.delete(stream);
      if (watch.size === 0 && this.#watches.get(tenant) === watch) this.#watches.delete(tenant);
    });
    this.#open++;
    watch.add(stream);
    try {
      await watch.begin(stream, since);
    } catch (error) {
      stream.readable.destroy();
      throw error;
    }
    if (!follow) stream.end();
    return stream.readable;
  }

  /** Everybody is sent away; they come back to another node, or to this one when it is there again. */
  close(): void {
    for (const watch of this.#watches.values()) watch.end();
  }

  #watchOf(tenant: string): TenantWatch {
    const found = this.#watches.get(tenant);
    if (this.#open >= STREAMS_MAX || (found?.size ?? 0) >= STREAMS_OF_TENANT_MAX)
      throw new Problem("RATE_LIMITED", "As many listen here as this node holds: try again in a moment", [], RETRY_S);
    if (found !== undefined) return found;
    const made = new TenantWatch(this.#parts.dbOf(tenant), tenant, this.#parts.failed);
    this.#watches.set(tenant, made);
    return made;
  }
}
