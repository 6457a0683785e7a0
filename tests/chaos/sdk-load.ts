import type { TollhouseProcess } from "@tollhouse/testkit";
import { expect } from "vitest";
import { costOf, type RecordedCall } from "./audit.ts";

/** Backends that ask, call, and tell what they used, in parallel. */
const BACKENDS = 6;
const MODEL = { provider: "openai", model: "gpt-4o-mini" };
const SERVICE = "sdk";
const USAGE = { prompt_tokens: 100, completion_tokens: 50 };
/** 100 × $0.15 and 50 × $0.60 a million; held were 100 output tokens. */
const COST = 45_000n;

interface Answer {
  readonly status: number;
  readonly body: { readonly allowed?: boolean; readonly decision_id: string };
}

/** Checks and records beside other calls, over the ends of the server. Each call is named by its dimension `agent`. */
export class SdkLoad {
  /** By name: checks that were allowed, and whether their record was acknowledged. */
  readonly #allowed = new Map<string, { readonly decision: string; acknowledged: boolean }>();
  #count = 0;
  #unacknowledged = 0;
  #unanswered = 0;
  #refused = 0;

  /** Until the server goes, or `ended` says so. */
  async run(url: string, customers: readonly string[], ended: () => boolean): Promise<void> {
    const backend = async (): Promise<void> => {
      while (!ended()) {
        const name = await this.#check(url, customers[this.#count % customers.length] as string);
        if (name === "gone") return;
        if (name === "refused") continue;
        if (!(await this.#record(url, name))) return;
      }
    };
    await Promise.all(Array.from({ length: BACKENDS }, backend));
  }

  /** One check whose call is under way when the server goes: its record comes to the next process. */
  async beginOne(url: string, customer: string): Promise<void> {
    expect(await this.#check(url, customer)).toMatch(/^sdk-/);
  }

  /** In the next process: what was not acknowledged is sent again, and what nobody knows of is looked up and recorded. */
  async recover(tollhouse: TollhouseProcess): Promise<void> {
    for (const [name, { acknowledged }] of this.#allowed) {
      if (acknowledged) continue;
      this.#unacknowledged++;
      expect(await this.#record(tollhouse.url, name), name).toBe(true);
    }
    const query = "/api/v1/checks?state=open&limit=1000";
    const { checks } = await tollhouse.control<{ checks: { decision: string }[] }>("GET", query);
    this.#unanswered += checks.length;
    for (const { decision } of checks) {
      const answer = await post(tollhouse.url, "/sdk/record", { decision_id: decision, usage: USAGE });
      expect(answer).toMatchObject({ status: 200, body: { recorded: true, confirmed: true } });
    }
  }

  /** Each call once, at its cost; none lost whose check was answered. */
  expectExact(calls: readonly RecordedCall[]): void {
    const ends = calls.filter((call) => call.dimensions["service"] === SERVICE && call.outcome !== "blocked");
    const byName = new Map(ends.map((call) => [call.dimensions["agent"] as string, call]));
    expect(ends.length - byName.size, "checks with more than one end").toBe(0);
    for (const [name, call] of byName) expect([call.outcome, costOf(call)], name).toEqual(["settled", COST]);
    const lost = [...this.#allowed.keys()].filter((name) => !byName.has(name));
    expect(lost, "checks without an end").toEqual([]);
    expect(this.#unacknowledged + this.#unanswered, "checks in the middle of which a kill came").toBeGreaterThan(0);
  }

  get told(): string {
    const killed = `${this.#unanswered} killed before their answer, ${this.#unacknowledged} before their record's`;
    return `${this.#allowed.size} checks allowed, ${this.#refused} refused, ${killed}`;
  }

  /** The name of a check that was allowed, else how it ended. */
  async #check(url: string, customer: string): Promise<string> {
    const name = `sdk-${this.#count++}`;
    const dimensions = { agent: name, service: SERVICE, feature: "sold", customer };
    const asked = { ...MODEL, ...dimensions, input_tokens: 100, max_output_tokens: 100, reserve: true };
    const checked = await post(url, "/sdk/check", asked);
    if (checked === null) return "gone";
    expect(checked.status).toBe(200);
    if (checked.body.allowed !== true) {
      this.#refused++;
      return "refused";
    }
    this.#allowed.set(name, { decision: checked.body.decision_id, acknowledged: false });
    return name;
  }

  async #record(url: string, name: string): Promise<boolean> {
    const check = this.#allowed.get(name) as { decision: string; acknowledged: boolean };
    const answer = await post(url, "/sdk/record", { decision_id: check.decision, usage: USAGE });
    if (answer === null) return false;
    expect(answer, name).toMatchObject({ status: 200, body: { recorded: true } });
    check.acknowledged = true;
    return true;
  }
}

/** null: the server went. */
async function post(url: string, path: string, body: object): Promise<Answer | null> {
  try {
    const answer = await fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as Answer["body"] };
  } catch {
    return null;
  }
}
