import {
  claimRecordedOnce,
  findRecordedOnce,
  forgetPayloads,
  forgetRecordedOnce,
  freeRecordedOnce,
  type Database,
  type OpenCall,
} from "@tollhouse/store";
import type { ProviderAdapter } from "@tollhouse/providers";
import type { Gateway } from "../gateway/gateway.ts";
import type { Handler } from "../listener.ts";
import type { Place } from "../place.ts";
import { createAdapterOf } from "./adapters.ts";
import { ChecksElsewhere } from "./checks-elsewhere.ts";
import { OpenChecks } from "./open-checks.ts";
import type { PayloadService } from "./payload-service.ts";
import { RecordOnce } from "./record-once.ts";
import { restoreChecks } from "./restore-checks.ts";
import { sdkPages } from "./sdk-handler.ts";

export interface SdkLoadParts {
  readonly gateway: Gateway;
  readonly upstreams: ReadonlyMap<string, { readonly adapter: ProviderAdapter }>;
  /** Open checks of the process before (`recoverSpool`). */
  readonly left: readonly OpenCall[];
  /** As the installation. */
  readonly db: Database;
  dbOf(tenant: string): Database;
  readonly tenants: { at(place: Place): { readonly payloads: PayloadService } };
  drained(): Promise<void>;
  /** Does any node hold a reservation of this id? Null: there is no other node. */
  readonly heldAnywhere: ((tenant: string, id: string) => Promise<boolean>) | null;
  /** Is it this process that forgets what was kept for a time? */
  mine(): boolean;
}

export interface Sdk {
  readonly pages: ReadonlyMap<string, Handler>;
  readonly checks: OpenChecks;
  /** Null: there is no other node. */
  readonly elsewhere: ChecksElsewhere | null;
  close(): Promise<void>;
}

/** Retries come within minutes, and queues that were stuck within days. */
const ONCE_KEPT_MS = 7 * 24 * 3_600_000;
const FORGET_EVERY_MS = 3_600_000;

/** The API for backends that call their providers themselves. */
export function loadSdk(parts: SdkLoadParts): Sdk {
  const { gateway, db } = parts;
  const checks = new OpenChecks(gateway);
  restoreChecks(gateway, checks, parts.left);
  const once = new RecordOnce({
    find: (place, names) => findRecordedOnce(parts.dbOf(place.tenant), place, names),
    drained: () => parts.drained(),
    claims:
      parts.heldAnywhere === null
        ? null
        : {
            take: (place, names, body) => claimRecordedOnce(parts.dbOf(place.tenant), place, names, body),
            free: (place, names) => freeRecordedOnce(parts.dbOf(place.tenant), place, names),
          },
    failed: (error) => gateway.failed(error),
  });
  const forget = async (): Promise<void> => {
    await forgetRecordedOnce(db, gateway.now() - ONCE_KEPT_MS);
    await forgetPayloads(db, gateway.now());
  };
  const forgetting = setInterval(() => {
    if (!parts.mine()) return;
    forget().catch((error: unknown) => gateway.failed(error));
  }, FORGET_EVERY_MS);
  forgetting.unref();
  const adapterOf = createAdapterOf(parts.upstreams);
  const { heldAnywhere } = parts;
  const elsewhere = heldAnywhere === null ? null : new ChecksElsewhere({ gateway, db, heldAnywhere });
  const payloads = (place: Place): PayloadService => parts.tenants.at(place).payloads;
  const pages = sdkPages({ gateway, adapterOf, checks, once, elsewhere, payloads });
  return {
    checks,
    elsewhere,
    pages,
    close: async () => {
      clearInterval(forgetting);
      checks.close();
      once.close();
    },
  };
}
