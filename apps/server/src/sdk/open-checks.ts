import type { OutcomeRecord } from "@tollhouse/store";
import type { ConsideredCall } from "../gateway/considered-call.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { Place } from "../place.ts";
import { shareOf } from "../process/node-load.ts";

/** A check that holds what its call may use, until that is recorded or its time is over. */
export interface OpenCheck {
  /** 32 hex digits. */
  readonly decision: string;
  /** As it was considered. Of a process before: what its intent says of it, without price and estimate. */
  readonly call: ConsideredCall;
  readonly expiresMs: number;
  readonly usd: bigint;
  readonly tokens: bigint;
  /** Another node made it, and its reservation is there: whoever ends it here takes that over first. */
  readonly elsewhere?: true;
}

/** Some 500 bytes each, and as many timers; whoever holds more than this holds by mistake. */
export const OPEN_MAX = 100_000;
/** Expired ones that are remembered, so that a late record need not say again what its call was. */
const EXPIRED_MAX = 10_000;
export const UNCONFIRMED_DOUBT = "unconfirmed: no usage was recorded before the check expired";

/** All checks that are open, by decision. Durable in the spool: a process that starts puts them back (`restore-checks.ts`). */
export class OpenChecks {
  readonly #gateway: Gateway;
  readonly #open = new Map<string, { readonly check: OpenCheck; readonly timer: NodeJS.Timeout }>();

  readonly #expired = new Map<string, OpenCheck>();
  /** How many each tenant has open. */
  readonly #ofTenant = new Map<string, number>();

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Is there no room for another one of this tenant? Beside others it has its share. */
  fullFor(tenant: string): boolean {
    if (this.#open.size >= OPEN_MAX) return true;
    const { load } = this.#gateway;
    return load.shared && (this.#ofTenant.get(tenant) ?? 0) >= shareOf(OPEN_MAX, load.bounds.tenantSharePercent);
  }

  /** Held by all of them, nano-dollars. */
  get reservedUsd(): bigint {
    let sum = 0n;
    for (const { check } of this.#open.values()) sum += check.usd;
    return sum;
  }

  /** When the oldest of them was asked for; Infinity: there is none. Costs a walk over all. */
  get oldestMs(): number {
    let oldest = Infinity;
    for (const { check } of this.#open.values()) oldest = Math.min(oldest, check.call.startedMs);
    return oldest;
  }

  get(decision: string): OpenCheck | undefined {
    return this.#open.get(decision)?.check;
  }

  /** One that expired in this process; it holds nothing any more. */
  expired(decision: string): OpenCheck | undefined {
    return this.#expired.get(decision);
  }

  /** Its reservation and its intent are there. */
  add(check: OpenCheck): void {
    const timer = setTimeout(() => this.#expire(check), Math.max(0, check.expiresMs - this.#gateway.now()));
    timer.unref();
    this.#open.set(check.decision, { check, timer });
    const { tenant } = check.call.identity;
    this.#ofTenant.set(tenant, (this.#ofTenant.get(tenant) ?? 0) + 1);
  }

  /** Whoever takes it ends it. */
  take(check: OpenCheck): void {
    clearTimeout(this.#open.get(check.decision)?.timer);
    if (!this.#open.delete(check.decision)) return;
    const { tenant } = check.call.identity;
    const left = (this.#ofTenant.get(tenant) ?? 1) - 1;
    if (left === 0) this.#ofTenant.delete(tenant);
    else this.#ofTenant.set(tenant, left);
  }

  /** The newest first. */
  list(place: Place): OpenCheck[] {
    const all = [...this.#open.values()].map(({ check }) => check);
    return all
      .filter(
        ({ call: { identity } }) => identity.tenant === place.tenant && identity.environment === place.environment,
      )
      .sort((a, b) => (a.decision < b.decision ? 1 : -1));
  }

  /** They stay open: the next process goes on with them. */
  close(): void {
    for (const { timer } of this.#open.values()) clearTimeout(timer);
    this.#open.clear();
    this.#ofTenant.clear();
  }

  #expire(check: OpenCheck): void {
    const gateway = this.#gateway;
    this.take(check);
    const [oldest] = this.#expired.size >= EXPIRED_MAX ? this.#expired.keys() : [];
    if (oldest !== undefined) this.#expired.delete(oldest);
    this.#expired.set(check.decision, check);
    gateway.countersOf(check.call.identity.tenant).release(check.decision);
    const timeMs = gateway.now();
    const { identity, provider, facts, startedMs } = check.call;
    const latencyMs = timeMs - startedMs;
    const outcome: OutcomeRecord = {
      t: "outcome",
      decision: check.decision,
      timeMs,
      end: "released",
      status: null,
      reason: null,
      usage: {},
      source: "unknown",
      cost: null,
      servedModel: null,
      tier: null,
      providerId: null,
      doubt: UNCONFIRMED_DOUBT,
      deltas: [],
      late: [],
      latencyMs,
    };
    gateway.spool.append(outcome).catch((error: unknown) => gateway.failed(error));
    const { tenant, environment, dimensions } = identity;
    gateway.ended({
      decision: check.decision,
      timeMs,
      tenant,
      environment,
      dimensions,
      provider,
      model: facts.model,
      outcome: "released",
      reason: null,
      status: null,
      estimatedCost: check.usd,
      cost: null,
      usage: {},
      source: "unknown",
      latencyMs,
      overheadMs: 0,
      doubt: UNCONFIRMED_DOUBT,
    });
  }
}
