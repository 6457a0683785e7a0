import type { CounterState } from "@tollhouse/store";

/** The limit with the least left, relative to its amount. Floating point chooses one, and nothing is paid by it. */
export function tightestOf(states: readonly CounterState[]): CounterState | null {
  let found: CounterState | null = null;
  let least = Infinity;
  for (const state of states) {
    if (state.limit.perCall === "counted") continue;
    const { amount } = state.limit;
    const share = amount === 0n ? 0 : Number(amount - state.settled - state.reserved) / Number(amount);
    if (share < least) {
      least = share;
      found = state;
    }
  }
  return found;
}
