import type { Database } from "@tollhouse/store";
import type { Logger } from "../process/logger.ts";
import type { Settings } from "../settings.ts";
import { bucketTarget } from "./bucket-target.ts";
import { CheckpointPublisher, type PublishTarget } from "./checkpoint-publisher.ts";
import { webhookTarget } from "./webhook-target.ts";

type PublishSettings = Pick<
  Settings,
  | "checkpointWebhooks"
  | "checkpointWebhookSecret"
  | "checkpointBucket"
  | "checkpointBucketRegion"
  | "checkpointBucketCredentials"
>;

export interface PublishingParts {
  readonly dbOf: (tenant: string) => Database;
  readonly settings: PublishSettings;
  /** Asks the witnesses, so that their cosignatures are in what is handed out. */
  readonly witnessed?: (tenant: string) => Promise<void>;
  readonly tenants: { all(): readonly { readonly id: string }[] };
  readonly mine: () => boolean;
  readonly logger: Logger;
  readonly now: () => number;
}

/** Hands checkpoints to the places that the settings name, from now on. */
export function startPublishing({
  settings,
  tenants,
  logger,
  witnessed,
  ...parts
}: PublishingParts): CheckpointPublisher {
  return new CheckpointPublisher({
    ...parts,
    ...(witnessed !== undefined && { first: witnessed }),
    targets: targetsOf(settings, parts.now),
    tenants: () => tenants.all().map(({ id }) => id),
    failed: (target, tenant, error) =>
      logger.warning("a checkpoint of the ledger could not be published; it is tried again", {
        target,
        tenant,
        error: error instanceof Error ? error : new Error(String(error)),
      }),
  });
}

function targetsOf(settings: PublishSettings, now: () => number): PublishTarget[] {
  const { checkpointWebhooks, checkpointWebhookSecret, checkpointBucket, checkpointBucketRegion: region } = settings;
  const targets: PublishTarget[] = [];
  if (checkpointWebhookSecret !== null)
    for (const url of checkpointWebhooks ?? []) targets.push(webhookTarget(url, checkpointWebhookSecret, now));
  if (checkpointBucket !== null && settings.checkpointBucketCredentials !== null)
    targets.push(bucketTarget(checkpointBucket, { ...settings.checkpointBucketCredentials, region }, now));
  return targets;
}
