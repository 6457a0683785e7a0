import { LedgerKeys, type CheckpointSigner, type Database, type Spool } from "@tollhouse/store";
import type { Logger } from "../process/logger.ts";
import type { ChainWalks } from "./chain-walks.ts";
import { NightlyVerification } from "./nightly-verification.ts";

export interface NightlyParts {
  /** As the installation. */
  readonly db: Database;
  readonly masterKey: Uint8Array;
  readonly walks: Pick<ChainWalks, "walk">;
  readonly signer: Pick<CheckpointSigner, "keys">;
  readonly spool: Pick<Spool, "append">;
  readonly tenants: { all(): readonly { readonly id: string }[] };
  readonly mine: () => boolean;
  readonly logger: Logger;
  readonly now: () => number;
}

/** The verification of every tenant's chain, each night from now on. */
export function startNightlyVerification(parts: NightlyParts): NightlyVerification {
  const { db, masterKey, walks, signer, spool, tenants, mine, logger, now } = parts;
  return new NightlyVerification({
    db,
    keys: new LedgerKeys(masterKey),
    signer,
    spool,
    mine,
    now,
    tenants: () => tenants.all().map(({ id }) => id),
    verify: (chain, signal) => walks.walk(chain, { signal }),
    alarmed: (tenant, { firstBadSequence, problem }) =>
      logger.error("the ledger of a tenant does not verify", { tenant, sequence: String(firstBadSequence), problem }),
    failed: (tenant, error) =>
      logger.warning("the ledger of a tenant could not be verified; it is tried again", {
        tenant,
        error: error instanceof Error ? error : new Error(String(error)),
      }),
  });
}
