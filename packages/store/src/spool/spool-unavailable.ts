import type { ReasonCode } from "@tollhouse/contract";

/** The record was not written and never will be: the call it belongs to must not be made (503 `SPOOL_UNAVAILABLE`). */
export class SpoolUnavailable extends Error {
  override readonly name = "SpoolUnavailable";
  readonly code: ReasonCode = "SPOOL_UNAVAILABLE";
}
