import { type Fault, randomFault } from "./fault.ts";
import { Random } from "./random.ts";

/** Names by which a fault can be aimed at a call. */
export interface FaultTarget {
  readonly callId: string | null;
  readonly tag: string | null;
  readonly model: string;
  readonly endpoint: string;
  readonly provider: string;
  readonly sequence: number;
}

/**
 * Which fault befalls which call. In this order: the one in the body, the one set for a name of the call, the one set for all calls, the seeded one.
 */
export class FaultPlan {
  private readonly seed: number;
  private readonly rate: number;
  private readonly named = new Map<string | null, Fault>();

  constructor(seed: number, rate: number) {
    this.seed = seed;
    this.rate = rate;
  }

  /** `match`: a call id, tag, model, endpoint or provider; null = every call. A later fault for the same match replaces it. */
  set(match: string | null, fault: Fault): void {
    this.named.set(match, fault);
  }

  clear(): void {
    this.named.clear();
  }

  of(target: FaultTarget, inBody: Fault | null): Fault | null {
    if (inBody !== null) return inBody;
    if (this.named.size > 0) {
      for (const name of [target.callId, target.tag, target.model, target.endpoint, target.provider, null]) {
        const fault = this.named.get(name);
        if (fault !== undefined) return fault;
      }
    }
    if (this.rate <= 0) return null;
    const random = new Random(this.seed, `fault ${String(target.sequence)}`);
    return random.chance(this.rate) ? randomFault(random) : null;
  }
}
