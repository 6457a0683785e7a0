import type { OpenDatabase } from "@tollhouse/store";
import { ChainWalks } from "./chain-walks.ts";
import type { Checkpointer } from "./checkpointer.ts";
import { keepMonths } from "./keep-months.ts";
import { startCheckpoints, type CheckpointsParts } from "./start-checkpoints.ts";
import { startNightlyVerification, type NightlyParts } from "./start-nightly-verification.ts";
import { startPublishing, type PublishingParts } from "./start-publishing.ts";

export type KeepLedgerParts = CheckpointsParts &
  Omit<NightlyParts, "signer" | "walks"> &
  PublishingParts & { readonly db: OpenDatabase };

/** What is done for the ledgers beside recording: checkpoints and handing them out, the verification each night, months to come. */
export function keepLedger(parts: KeepLedgerParts): {
  readonly checkpoints: Checkpointer;
  readonly walks: ChainWalks;
  close(): Promise<void>;
} {
  const checkpoints = startCheckpoints(parts);
  const walks = new ChainWalks(parts.db, parts.masterKey);
  const others = [
    startPublishing(parts),
    startNightlyVerification({ ...parts, signer: checkpoints.signer, walks }),
    keepMonths(parts.db, parts.logger),
  ];
  return {
    checkpoints,
    walks,
    async close() {
      walks.close();
      await checkpoints.close();
      await Promise.all(others.map((each) => each.close()));
    },
  };
}
