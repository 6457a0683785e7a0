import type { Database } from "@tollhouse/store";
import type { Logger } from "../process/logger.ts";
import type { Settings } from "../settings.ts";
import { WitnessDisagrees } from "./ask-witness.ts";
import { CheckpointPublisher } from "./checkpoint-publisher.ts";
import { witnessTarget } from "./witness-target.ts";

export interface WitnessingParts {
  readonly dbOf: (tenant: string) => Database;
  readonly settings: Pick<Settings, "witnesses">;
  readonly tenants: { all(): readonly { readonly id: string }[] };
  readonly mine: () => boolean;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface Witnessing {
  /** Resolves when the witnesses have signed the newest checkpoint of the chain, or after a short while. Never throws. */
  witnessed(tenant: string): Promise<void>;
  close(): Promise<void>;
}

/** Whoever asks for a proof waits so long for cosignatures, and gets it without those that are missing. */
const WAIT_MS = 5_000;

/** Asks the witnesses that the settings name for their cosignatures, from now on. */
export function startWitnessing({ settings, tenants, logger, ...parts }: WitnessingParts): Witnessing {
  const publisher = new CheckpointPublisher({
    ...parts,
    targets: (settings.witnesses ?? []).map((witness) => witnessTarget(witness, parts)),
    tenants: () => tenants.all().map(({ id }) => id),
    failed: (target, tenant, cause) => {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      if (error instanceof WitnessDisagrees)
        logger.error("a witness has seen another ledger than this one: it was rewritten or cut", {
          target,
          tenant,
          error,
        });
      else
        logger.warning("a checkpoint of the ledger was not cosigned; it is asked for again", { target, tenant, error });
    },
  });
  const isAsked = (settings.witnesses ?? []).length > 0;
  return {
    async witnessed(tenant) {
      if (!isAsked) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const waited = setTimeout(resolve, WAIT_MS);
      await Promise.race([publisher.handOut(tenant), promise]);
      clearTimeout(waited);
    },
    close: () => publisher.close(),
  };
}
