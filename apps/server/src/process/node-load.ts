/** What a node takes on at most. */
export interface NodeBounds {
  readonly callsInFlightMax: number;
  /** Request bodies in memory, all calls together. */
  readonly bodyBytesMax: number;
  /** Most of the calls at once that one tenant may have while others call too. */
  readonly tenantSharePercent: number;
}

interface TenantLoad {
  inFlight: number;
  /** Called since the last `forgetIdle`. */
  recent: boolean;
}

export const CROWDED = "This tenant has its share of the calls that this node takes at once";
const FULL = "Too many calls are in flight on this node";
const BEHIND = "This node is behind with the calls it has";

/**
 * What a node holds, against its bounds. Read and written on the call path, so every question is one comparison; who is idle, and whether
 * the event loop is behind, is found out beside it.
 */
export class NodeLoad {
  readonly bounds: NodeBounds;
  /** Of bodies that arrive, and of those whose call is under way. */
  bodyBytes = 0;
  /** From this many calls in flight on, new ones are refused (`refusal` says why). */
  callsMax: number;
  readonly #shareMax: number;
  readonly #tenants = new Map<string, TenantLoad>();
  #behind = false;

  constructor(bounds: NodeBounds) {
    this.bounds = bounds;
    this.callsMax = bounds.callsInFlightMax;
    this.#shareMax = shareOf(bounds.callsInFlightMax, bounds.tenantSharePercent);
  }

  get refusal(): string {
    return this.#behind ? BEHIND : FULL;
  }

  get behind(): boolean {
    return this.#behind;
  }

  /** A node with nothing to do is not behind, whatever its clock says: it takes the next call, and one at a time. */
  set behind(behind: boolean) {
    this.#behind = behind;
    this.callsMax = behind ? 1 : this.bounds.callsInFlightMax;
  }

  /** The most calls that any tenant has now. */
  get largestTenant(): number {
    let largest = 0;
    for (const { inFlight } of this.#tenants.values()) if (inFlight > largest) largest = inFlight;
    return largest;
  }

  /** Does more than one tenant call? Then each has its share. */
  get shared(): boolean {
    return this.#tenants.size > 1;
  }

  get shareMax(): number {
    return this.shared ? this.#shareMax : this.bounds.callsInFlightMax;
  }

  /** Has the tenant its share already, while others call? Asking makes it one of those who call. */
  crowds(tenant: string): boolean {
    const load = this.#of(tenant);
    return load.inFlight >= this.#shareMax && this.shared;
  }

  /** `bodyBytes`: of its request, held until it has left. */
  entered(tenant: string, bodyBytes: number): void {
    this.#of(tenant).inFlight++;
    this.bodyBytes += bodyBytes;
  }

  left(tenant: string, bodyBytes: number): void {
    this.#of(tenant).inFlight--;
    this.bodyBytes -= bodyBytes;
  }

  /** Those who have not called since the last time are no longer others. */
  forgetIdle(): void {
    for (const [tenant, load] of this.#tenants) {
      if (load.inFlight === 0 && !load.recent) this.#tenants.delete(tenant);
      load.recent = false;
    }
  }

  #of(tenant: string): TenantLoad {
    let load = this.#tenants.get(tenant);
    if (load === undefined) this.#tenants.set(tenant, (load = { inFlight: 0, recent: true }));
    load.recent = true;
    return load;
  }
}

/** At least one: whoever may call at all may make a call. */
export function shareOf(max: number, percent: number): number {
  return Math.max(1, Math.floor((max * percent) / 100));
}
