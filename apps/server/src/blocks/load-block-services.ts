import { listBlocks, type Block, type MemoryCounterStore } from "@tollhouse/store";
import type { Place } from "../place.ts";
import type { LimitService } from "../limits/limit-service.ts";
import { BlockService, type BlockServiceParts } from "./block-service.ts";
import { BlockSnapshot } from "./block-snapshot.ts";
import { SessionService } from "./session-service.ts";

export interface BlockServicesParts extends Omit<BlockServiceParts, "environment" | "first"> {
  readonly environments: readonly string[];
  readonly counters: MemoryCounterStore;
  /** Throws a Problem where there is no such environment. */
  readonly limitsOf: (place: Place) => LimitService;
}

/** What operators stop and look at in one environment. */
export interface BlockServices {
  readonly blocks: BlockService;
  readonly sessions: SessionService;
}

/** Expired ones are listed for this long after a restart. */
const EXPIRED_LISTED_MS = 30 * 24 * 3_600_000;

/** Loads what is stopped in each environment; to be awaited before the port opens, so that no call goes past it. */
export async function loadBlockServices(parts: BlockServicesParts): Promise<(place: Place) => BlockServices> {
  const services = new Map<string, BlockServices>();
  for (const environment of parts.environments) {
    const blocks = await loadBlocks(parts, environment);
    const limits = parts.limitsOf({ tenant: parts.tenant, environment });
    services.set(environment, { blocks, sessions: new SessionService({ ...parts, environment, blocks, limits }) });
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
