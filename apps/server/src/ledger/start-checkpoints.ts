import type { Database } from "@tollhouse/store";
import type { Logger } from "../process/logger.ts";
import { Checkpointer } from "./checkpointer.ts";
import { loadSigner, type SignerSettings } from "./load-signer.ts";

export interface CheckpointsParts {
  readonly db: Database;
  readonly dbOf: (tenant: string) => Database;
  readonly masterKey: Uint8Array;
  readonly settings: SignerSettings;
  readonly tenants: { all(): readonly { readonly id: string }[] };
  readonly mine: () => boolean;
  readonly logger: Logger;
  readonly now: () => number;
}

/** The checkpoints of every tenant, from now on. */
export function startCheckpoints(parts: CheckpointsParts): Checkpointer {
  const { db, dbOf, masterKey, settings, tenants, mine, logger, now } = parts;
  return new Checkpointer({
    db,
    dbOf,
    signer: loadSigner(settings, masterKey),
    mine,
    tenants: () => tenants.all().map(({ id }) => id),
    failed: (tenant, error) =>
      logger.error("no checkpoint of the ledger could be signed", {
        tenant,
        error: error instanceof Error ? error : new Error(String(error)),
      }),
    now,
  });
}
