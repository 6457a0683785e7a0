import type { Dispatcher } from "undici";
import type { Random } from "../chaos/random.ts";
import type { BillLine } from "./auditor.ts";
import { ProviderStream } from "./provider-stream.ts";
import type { Owner, VirtualTime } from "./virtual-time.ts";

export interface ProviderSenses {
  readonly time: VirtualTime;
  readonly random: Random;
  /** The request is about to leave. False: the process is dead, and it did not. */
  readonly sent: (call: string) => boolean;
  readonly seen: (what: string) => void;
}

type Handler = Required<
  Pick<
    Dispatcher.DispatchHandler,
    "onRequestStart" | "onResponseStart" | "onResponseData" | "onResponseEnd" | "onResponseError"
  >
>;

export interface AskedOfProvider {
  readonly call: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly inputTokens: number;
  readonly outputTokensMax: number;
}

/** Nano-dollars a token of gpt-4o-mini, by hand: $0.15 and $0.60 a million. */
export const INPUT_NANO = 150n;
export const OUTPUT_NANO = 600n;
const MADE_MAX = 1_500;

/** A provider behind a network: it bills what it made, whether or not anybody was there to hear it. */
export class SimulatedProvider {
  readonly bill: (() => BillLine)[] = [];
  readonly #senses: ProviderSenses;
  readonly #streams = new Set<ProviderStream>();

  constructor(senses: ProviderSenses) {
    this.#senses = senses;
  }

  get busy(): boolean {
    return this.#streams.size > 0;
  }

  /** Connections of a process that died are reset, which the provider notices in a while. */
  processDied(): void {
    for (const stream of this.#streams) stream.abort();
  }

  /** In place of undici's Pool. */
  dispatch(options: { readonly body?: unknown }, handler: Dispatcher.DispatchHandler): boolean {
    const { time, random, seen } = this.#senses;
    const owner = time.process;
    const to = handler as Handler;
    const asked = askedOf(options.body as Buffer);
    if (owner?.alive !== true) return true;
    if (!this.#senses.sent(asked.call)) {
      // Killed as it wrote: the request may have left all the same.
      if (random.next() < 0.5) return true;
      seen("killed with the request on the wire");
      this.#serve(asked, to, { alive: false });
      return true;
    }
    if (random.next() < 0.03) {
      seen("the provider cannot be reached");
      time.at(random.between(1, 50), owner, () => to.onResponseError(null as never, errorOf("ECONNREFUSED")));
      return true;
    }
    time.at(random.between(0, 5), owner, () => this.#serve(asked, to, owner));
    return true;
  }

  #serve(asked: AskedOfProvider, handler: Handler, owner: Owner): void {
    const { time, random, seen } = this.#senses;
    const stream = new ProviderStream({
      time,
      random,
      seen,
      asked,
      handler,
      owner,
      ended: () => this.#streams.delete(stream),
    });
    this.#streams.add(stream);
    this.bill.push(() => stream.billed());
    stream.begin();
  }
}

export function errorOf(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function askedOf(body: Buffer): AskedOfProvider {
  const json = JSON.parse(body.toString("utf8")) as {
    stream?: boolean;
    stream_options?: { include_usage?: boolean };
    max_tokens?: number;
    max_completion_tokens?: number;
    messages: { content: string }[];
  };
  const text = json.messages.map((message) => message.content).join("");
  return {
    call: text.split(" ")[0] as string,
    stream: json.stream === true,
    includeUsage: json.stream_options?.include_usage === true,
    inputTokens: Math.ceil(Buffer.byteLength(text) / 4) + 3,
    outputTokensMax: Math.min(MADE_MAX, json.max_completion_tokens ?? json.max_tokens ?? MADE_MAX),
  };
}
