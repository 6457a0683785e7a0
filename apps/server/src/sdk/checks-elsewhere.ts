import {
  openCallsByDecision,
  openCallsWhere,
  type CallAtNode,
  type Database,
  type IntentRecord,
} from "@tollhouse/store";
import type { Gateway } from "../gateway/gateway.ts";
import type { Place } from "../place.ts";
import type { OpenCheck } from "./open-checks.ts";
import { callOfIntent } from "./restore-checks.ts";

export interface ChecksElsewhereParts {
  readonly gateway: Gateway;
  /** As the installation: what is open belongs to a node, and not to a tenant. */
  readonly db: Database;
  readonly heldAnywhere: (tenant: string, id: string) => Promise<boolean>;
}

/** A call is in the database once it is open for a second, its recorder has looked (each half second), and the batch is written. */
const YOUNG_MS = 3_000;
const LOOK_EVERY_MS = 50;

/** Checks that other nodes made, as the database has them: any node may record, list or look for what another one let through. */
export class ChecksElsewhere {
  readonly #parts: ChecksElsewhereParts;

  constructor(parts: ChecksElsewhereParts) {
    this.#parts = parts;
  }

  /**
   * Of this place; null: no node has it open. One that has just been made is waited for, where the counters say that it holds; one that holds on
   * no limit is found as soon as it is in the database.
   */
  async find(place: Place, decision: string): Promise<OpenCheck | null> {
    const { db, heldAnywhere } = this.#parts;
    const until = performance.now() + YOUNG_MS;
    for (let isHeld: boolean | null = null; ;) {
      const found = (await openCallsByDecision(db, [decision])).get(decision);
      if (found !== undefined) return this.#checkOf(found, place);
      isHeld ??= await heldAnywhere(place.tenant, decision);
      if (!isHeld || performance.now() > until) return null;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  /** These, and those of other nodes; the newest first. */
  async listWith(own: readonly OpenCheck[], place: Place): Promise<OpenCheck[]> {
    const found = await openCallsWhere(this.#parts.db, place, { checks: true });
    const nowMs = this.#parts.gateway.now();
    const isOpen = new Set(found.map(({ intent }) => intent.decision));
    // One of this node's own that the database has not, though it is old enough, was recorded at another one.
    const still = own.filter(({ decision, call }) => isOpen.has(decision) || call.startedMs > nowMs - YOUNG_MS);
    const all = new Map(still.map((check) => [check.decision, check]));
    for (const call of found) {
      const check = this.#checkOf(call, place);
      if (check !== null && check.expiresMs > nowMs && !all.has(check.decision)) all.set(check.decision, check);
    }
    return [...all.values()].sort((a, b) => (a.decision < b.decision ? 1 : -1));
  }

  /** Calls and checks of a user that are open at any node: all that were let through before this was asked. */
  async callsOf(tenant: string, user: string): Promise<readonly IntentRecord[]> {
    await new Promise((resolve) => setTimeout(resolve, YOUNG_MS));
    return (await openCallsWhere(this.#parts.db, { tenant }, { user })).map(({ intent }) => intent);
  }

  #checkOf({ intent, reservedUsd: usd, reservedTokens: tokens }: CallAtNode, place: Place): OpenCheck | null {
    const { tenant, environment, decision, expiresMs } = intent;
    if (tenant !== place.tenant || environment !== place.environment || expiresMs === undefined) return null;
    return { decision, call: callOfIntent(this.#parts.gateway, intent), expiresMs, usd, tokens, elsewhere: true };
  }
}
