import type { BlockKind, ReasonCode } from "@tollhouse/contract";

export const BLOCK_CODES = {
  kill_switch: "KILL_SWITCH_ACTIVE",
  blocklist: "USER_BLOCKED",
  frozen_session: "SESSION_FROZEN",
} as const satisfies { readonly [K in BlockKind]: ReasonCode };

const CODES_OF_BLOCKS: ReadonlySet<ReasonCode> = new Set(Object.values(BLOCK_CODES));

/** Is this the code of an operator's stop? Then nothing of an answer that was held back is given out any more. */
export function isBlockCode(code: ReasonCode): boolean {
  return CODES_OF_BLOCKS.has(code);
}
