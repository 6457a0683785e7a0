import type { OpenDatabase } from "@tollhouse/store";
import type { LedgerVerified } from "../control/endpoints/verification.ts";
import { verifiedAs } from "../control/routes/verification.ts";
import { ChainWalks } from "./chain-walks.ts";
import type { Checkpointer } from "./checkpointer.ts";
import { keepMonths } from "./keep-months.ts";
import { startCheckpoints, type CheckpointsParts } from "./start-checkpoints.ts";
import { startNightlyVerification, type NightlyParts } from "./start-nightly-verification.ts";
import { WalkJobs } from "./walk-jobs.ts";
import { startPublishing, type PublishingParts } from "./start-publishing.ts";
import { startWitnessing, type WitnessingParts } from "./start-witnessing.ts";

export type KeepLedgerParts = CheckpointsParts &
  Omit<NightlyParts, "signer" | "walks"> &
  Omit<PublishingParts, "witnessed"> &
  WitnessingParts & { readonly db: OpenDatabase };

export interface KeptLedger {
  readonly checkpoints: Checkpointer;
  readonly walks: ChainWalks;
  readonly jobs: WalkJobs<LedgerVerified>;
  readonly witnessed: (tenant: string) => Promise<void>;
  close(): Promise<void>;
}

/** What is done for the ledgers beside recording: checkpoints and handing them out, the verification each night, months to come. */
export function keepLedger(parts: KeepLedgerParts): KeptLedger {
  const checkpoints = startCheckpoints(parts);
  const { db, masterKey, logger } = parts;
  const walks = new ChainWalks(db, masterKey);
  const jobs = new WalkJobs<LedgerVerified>({
    db,
    walks,
    toldAs: verifiedAs,
    failed: (tenant, error) =>
      logger.warning("a verification that was asked for did not end", {
        tenant,
        error: error instanceof Error ? error : new Error(String(error)),
      }),
  });
  const witnessing = startWitnessing(parts);
  const witnessed = (tenant: string): Promise<void> => witnessing.witnessed(tenant);
  const others = [
    witnessing,
    startPublishing({ ...parts, witnessed }),
    startNightlyVerification({ ...parts, signer: checkpoints.signer, walks }),
    keepMonths(db, logger),
    jobs,
  ];
  return {
    checkpoints,
    walks,
    jobs,
    witnessed,
    async close() {
      walks.close();
      await checkpoints.close();
      await Promise.all(others.map((each) => each.close()));
    },
  };
}
