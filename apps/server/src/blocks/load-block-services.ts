import { listBlocks, type Block, type Counters, type MemoryCounterStore } from "@tollhouse/store";
import type { Place } from "../place.ts";
import type { StartingCounters } from "../limits/starting-counters.ts";
import type { LimitService } from "../limits/limit-service.ts";
import type { PolicyRules } from "../policies/load-policies.ts";
import { BlockService, EXPIRED_LISTED_MS, type BlockServiceParts } from "./block-service.ts";
import { BlockSnapshot } from "./block-snapshot.ts";
import { SessionService } from "./session-service.ts";

export interface BlockServicesParts extends Omit<BlockServiceParts, "environment" | "first"> {
  readonly environments: readonly string[];
  readonly counters: MemoryCounterStore;
  readonly standing: Pick<Counters, "look">;
  readonly starting?: StartingCounters;
  /** Throws a Problem where there is no such environment. */
  readonly limitsOf: (place: Place) => LimitService;
  readonly policiesOf: (place: Place) => PolicyRules;
  /** Of the same tenant, by environment; filled by whoever loads them. */
  readonly everywhere: ReadonlyMap<string, BlockService>;
}

/** What operators stop and look at in one environment. */
export interface BlockServices {
  readonly blocks: BlockService;
  readonly sessions: SessionService;
  /** Of the same tenant, this environment included. */
  readonly everywhere: ReadonlyMap<string, BlockService>;
}

/** Loads what is stopped in each environment; to be awaited before the port opens, so that no call goes past it. */
export async function loadBlockServices(parts: BlockServicesParts): Promise<(place: Place) => BlockServices> {
  const services = new Map<string, BlockServices>();
  for (const environment of parts.environments) {
    const blocks = await loadBlocks(parts, environment);
    const place: Place = { tenant: parts.tenant, environment };
    const [limits, policies] = [parts.limitsOf(place), parts.policiesOf(place)];
    const sessions = new SessionService({ ...parts, environment, blocks, limits, policies });
    services.set(environment, { blocks, sessions, everywhere: parts.everywhere });
  }
  return (place) => (place.tenant === parts.tenant && services.get(place.environment)) || unknown(parts, place);
}

async function loadBlocks(parts: BlockServicesParts, environment: string): Promise<BlockService> {
  const blocks: Block[] = [];
  const since = parts.now() - EXPIRED_LISTED_MS;
  for await (const block of listBlocks(parts.db, { tenant: parts.tenant, environment }, since)) blocks.push(block);
  return new BlockService({ ...parts, environment, first: BlockSnapshot.of(blocks) });
}

/** The limits say that there is no such environment. */
function unknown({ limitsOf }: BlockServicesParts, place: Place): never {
  limitsOf(place);
  throw new Error(`environment ${place.environment} has limits, and no blocks`);
}
