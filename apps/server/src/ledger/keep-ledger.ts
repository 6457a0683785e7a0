import type { OpenDatabase, Recorder } from "@tollhouse/store";
import type { LedgerVerified } from "../control/endpoints/verification.ts";
import { verifiedAs } from "../control/routes/verification.ts";
import { ChainWalks } from "./chain-walks.ts";
import type { Checkpointer } from "./checkpointer.ts";
import { DetailPurger } from "../jobs/purge-details.ts";
import { keepMonths } from "./keep-months.ts";
import { startCheckpoints, type CheckpointsParts } from "./start-checkpoints.ts";
import { startNightlyVerification, type NightlyParts } from "./start-nightly-verification.ts";
import { WalkJobs } from "./walk-jobs.ts";
import { startPublishing, type PublishingParts } from "./start-publishing.ts";
import { startWitnessing, type WitnessingParts } from "./start-witnessing.ts";

export type KeepLedgerParts = CheckpointsParts &
  Omit<NightlyParts, "signer" | "walks"> &
  Omit<PublishingParts, "witnessed"> &
  WitnessingParts & {
    readonly db: OpenDatabase;
    readonly recorder: Pick<Recorder, "drained">;
    readonly settings: { readonly verificationThreads: number };
  };

export interface KeptLedger {
  readonly checkpoints: Checkpointer;
  readonly walks: ChainWalks;
  readonly jobs: WalkJobs<LedgerVerified>;
  readonly witnessed: (tenant: string) => Promise<void>;
  close(): Promise<void>;
}

/** What is done for the ledgers beside recording: checkpoints and handing them out, the verification each night, months to come and months that go. */
export function keepLedger(parts: KeepLedgerParts): KeptLedger {
  const checkpoints = startCheckpoints(parts);
  const { db, masterKey, settings, logger } = parts;
  const walks = new ChainWalks(db, masterKey, settings.verificationThreads);
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
    new DetailPurger({
      ...parts,
      recorded: () => parts.recorder.drained(),
      failed: (place, error) =>
        logger.warning("details of calls that are not kept any longer could not be removed; it is tried again", {
          tenant: place?.tenant ?? null,
          environment: place?.environment ?? null,
          error: error instanceof Error ? error : new Error(String(error)),
        }),
    }),
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
