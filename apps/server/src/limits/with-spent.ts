import type { Limit } from "@tollhouse/engine";
import type { Recorder } from "@tollhouse/store";
import type { Place } from "../place.ts";
import type { SettledCall, SettledTap } from "./settled-tap.ts";
import { addSettled, type StartingAmounts } from "./starting-amounts.ts";
import { within } from "./within.ts";

/** Sums as the database had them at one instant, and which of the calls that ended meanwhile are inside them. */
export interface RecordedAmounts {
  readonly sums: StartingAmounts;
  readonly inside: ReadonlySet<string>;
}

const RECORDER_WAIT_MS = 10_000;

export interface SpentParts extends Place {
  /** What the limit's scope used in the window at `nowMs`, by window id; of `ended` only what the database does not hold yet is added. */
  startingAmounts(limit: Limit, nowMs: number, ended: readonly SettledCall[]): Promise<RecordedAmounts>;
  readonly recorder: Recorder;
  readonly tap: SettledTap;
  now(): number;
}

/**
 * Gives `turn` what the limit's scope has used in its window. Until its first `await` it runs in one turn in which no call can end
 * unseen by both the sums and the snapshot that it puts in force.
 */
export async function withSpent(
  parts: SpentParts,
  limit: Limit,
  turn: (sums: StartingAmounts) => Promise<void>,
): Promise<void> {
  const { tap, recorder, tenant, environment } = parts;
  const ended = tap.listen();
  try {
    await within(recorder.drained(), RECORDER_WAIT_MS);
    const recorded = await parts.startingAmounts(limit, parts.now(), ended);
    const missing = ended.filter(
      (call) => call.tenant === tenant && call.environment === environment && !recorded.inside.has(call.decision),
    );
    await turn(addSettled(limit, recorded.sums, missing));
  } finally {
    tap.stop(ended);
  }
}
