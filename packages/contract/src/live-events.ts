import type { Call } from "./operations.ts";

/** That somebody changed something. What it was and became is in the audit. */
export interface LiveChange {
  readonly sequence: number;
  readonly time: string;
  /** null = of the whole tenant. */
  readonly environment: string | null;
  readonly actor: string | null;
  /** `limit.update`, `session.freeze`, … */
  readonly action: string | null;
  readonly subject: string | null;
}

/** Data of an event `entries` of `GET /api/v1/events`: what became new, oldest first; at most one a second. */
export interface LiveEntries {
  readonly calls: readonly Call[];
  readonly changes: readonly LiveChange[];
  /** Was there more than is told? Then these are the newest of it. */
  readonly more: boolean;
}
