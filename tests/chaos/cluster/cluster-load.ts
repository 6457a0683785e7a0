import type { TollhouseProcess } from "@tollhouse/testkit";
import { expect } from "vitest";
import { send } from "../client.ts";
import { LONG } from "../rounds.ts";
import { askOf, type PurseAsk } from "./purse-asks.ts";

const ENDED_MS_MAX = LONG ? 3_600_000 : 60_000;

/** A call as its client saw it. */
export interface AskedCall {
  readonly ask: PurseAsk;
  /** Which of the gateways. */
  readonly gateway: number;
  readonly askedMs: number;
  readonly answeredMs: number;
  /** null: no answer came. */
  readonly status: number | null;
  /** whole: to its last byte · broken: the gateway went. */
  readonly end: "whole" | "broken" | "left";
  readonly reason: string | null;
  readonly refusal: Refusal | null;
  /** Dollars, where it went without its limits having been read. */
  readonly allowance: { readonly left: number; readonly of: number } | null;
}

/** What a refusal by a limit says of it; dollars, or units. */
export interface Refusal {
  readonly limit: string;
  readonly left: number;
  readonly needed: number;
}

/** Sends one, and tells what came of it. */
export async function asked(gateways: readonly TollhouseProcess[], at: number, ask: PurseAsk): Promise<AskedCall> {
  const askedMs = performance.now();
  const answer = await send((gateways[at] as TollhouseProcess).url, askOf(ask));
  const reason = answer.headers["x-tollhouse-reason"];
  return {
    ask,
    gateway: at,
    askedMs,
    answeredMs: performance.now(),
    status: answer.status,
    end: answer.end,
    // A stream that is cut says it in its last event.
    reason: typeof reason === "string" ? reason : (/"code":"([A-Z_]+)"/.exec(answer.text)?.[1] ?? null),
    refusal: answer.status === 429 ? refusalIn(answer.text) : null,
    allowance: allowanceIn(answer.headers["x-tollhouse-allowance"]),
  };
}

function refusalIn(text: string): Refusal | null {
  const body = JSON.parse(text) as { error: { message: string }; tollhouse?: { limit?: { id: string } | null } };
  const numbers = /Remaining: \$?([\d.]+), Required: \$?([\d.]+)$/.exec(body.error.message);
  const limit = body.tollhouse?.limit?.id;
  if (numbers === null || limit === undefined) return null;
  return { limit, left: Number(numbers[1]), needed: Number(numbers[2]) };
}

function allowanceIn(header: string | string[] | undefined): AskedCall["allowance"] {
  const numbers = /^remaining=([\d.]+); of=([\d.]+)$/.exec(String(header ?? ""));
  return numbers === null ? null : { left: Number(numbers[1]), of: Number(numbers[2]) };
}

/** Calls without a pause, in so many lanes, over all gateways in turn, until it is stopped. */
export class ClusterLoad {
  readonly calls: AskedCall[] = [];
  readonly #gateways: readonly TollhouseProcess[];
  readonly #askAt: (at: number) => PurseAsk;
  readonly #running: Promise<void[]>;
  /** Gateways that get no calls now: a load balancer has seen that they are not ready. */
  readonly away = new Set<number>();
  #stopped = false;
  #next = 0;

  constructor(gateways: readonly TollhouseProcess[], lanes: number, askAt: (at: number) => PurseAsk) {
    this.#gateways = gateways;
    this.#askAt = askAt;
    this.#running = Promise.all(Array.from({ length: lanes }, (_, lane) => this.#lane(lane)));
  }

  /** Resolves when so many more have ended, of those that `counts`. */
  async more(count: number, counts: (call: AskedCall) => boolean = () => true): Promise<void> {
    const from = this.calls.length;
    const ended = (): number => this.calls.slice(from).filter(counts).length;
    await expect.poll(ended, { timeout: ENDED_MS_MAX, interval: 10 }).toBeGreaterThanOrEqual(count);
  }

  /** Sends no more, and waits for those that run. */
  async stop(): Promise<readonly AskedCall[]> {
    this.#stopped = true;
    await this.#running;
    return this.calls;
  }

  async #lane(first: number): Promise<void> {
    for (let turn = first; !this.#stopped; turn++) {
      const gateway = turn % this.#gateways.length;
      if (this.away.size < this.#gateways.length && this.away.has(gateway)) continue;
      const call = await asked(this.#gateways, gateway, this.#askAt(this.#next++));
      this.calls.push(call);
      // A gateway that refuses at once must not be asked in a tight loop: a client would wait, too.
      if (call.status !== 200) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
