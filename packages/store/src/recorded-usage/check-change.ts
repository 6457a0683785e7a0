import type { RecordedOnce, UsageRecord } from "../spool/records.ts";

/** What an entry says of the checks of SDKs, and of records that must be made once. */
export type CheckChange =
  | { readonly change: "expired"; readonly atMs: number }
  | {
      readonly change: "recorded";
      readonly atMs: number;
      /** 32 hex digits: a check that expired before; null = none is named. */
      readonly check: string | null;
      readonly once: readonly RecordedOnce[];
      readonly payload: UsageRecord["payload"] | null;
    };
