import type { Amounts, Limit } from "@tollhouse/engine";
import type { CounterState, Refused, Room } from "../counter-store.ts";
import { amountFor } from "../limit-counters.ts";
import type { SeenLimit } from "./seen-limit.ts";

/** What `held` of admit.lua answers. */
export function reservedStates(seen: readonly SeenLimit[], answer: readonly string[]): readonly CounterState[] {
  const newer = new Map<number, readonly [version: string, amount: string]>();
  for (let i = 1 + 2 * seen.length; i + 2 < answer.length; i += 3)
    newer.set(Number(answer[i]), [answer[i + 1] ?? "", answer[i + 2] ?? ""]);
  return seen.map((each, i) =>
    stateOf(each, answer[1 + 2 * i], answer[2 + 2 * i], ...(newer.get(i) ?? (["", ""] as const))),
  );
}

/** What `admitted` of admit.lua answers where one does not fit. */
export function refusedState(
  seen: readonly SeenLimit[],
  answer: readonly string[],
  more: Amounts,
): Pick<Refused, "by" | "required"> {
  const [, at, settled, reserved, version = "", amount = ""] = answer;
  const by = seen[Number(at)] as SeenLimit;
  return { by: stateOf(by, settled, reserved, version, amount), required: amountFor(by.limit, more) };
}

/** What look.lua answers. */
export function seenStates(seen: readonly SeenLimit[], answer: readonly string[]): readonly CounterState[] {
  return seen.map((each, i) => {
    const [settled, reserved, version = "", amount = ""] = answer.slice(1 + 4 * i, 5 + 4 * i);
    const newer = each.version !== "" && Number(version) > Number(each.version);
    return stateOf(each, settled, reserved, newer ? version : "", amount);
  });
}

/** The least room over the hard limits of these. */
export function roomOf(states: readonly CounterState[]): Room {
  const room: { usd: bigint | null; tokens: bigint | null; requests: bigint | null } = {
    usd: null,
    tokens: null,
    requests: null,
  };
  for (const { limit, settled, reserved } of states) {
    if (limit.mode === "soft") continue;
    const free = limit.amount - settled - reserved;
    const left = free < 0n ? 0n : free;
    const least = room[limit.measure];
    if (least === null || left < least) room[limit.measure] = left;
  }
  return room;
}

/** `version`: of the newer limit that the store knows; empty: the one given is in force. */
function stateOf(
  { limit, window }: SeenLimit,
  settled: string | undefined,
  reserved: string | undefined,
  version: string,
  amount: string,
): CounterState {
  if (settled === undefined || reserved === undefined) throw new Error(`the store answered nothing for ${limit.id}`);
  const inForce = version === "" ? limit : newerLimit(limit, version, amount);
  return { limit: inForce, window, settled: BigInt(settled), reserved: BigInt(reserved) };
}

function newerLimit(limit: Limit, version: string, amount: string): Limit {
  const rest = { ...limit, version: Number(version) };
  return amount === "" ? { ...rest, mode: "soft" } : { ...rest, mode: "hard", amount: BigInt(amount) };
}
