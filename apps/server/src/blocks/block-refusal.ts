import type { BlockKind } from "@tollhouse/contract";
import type { Block } from "@tollhouse/store";
import type { ConsideredCall } from "../gateway/considered-call.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { RefusalInput } from "../gateway/refusal.ts";
import { BLOCK_CODES } from "./block-codes.ts";
import type { StoppableCall } from "./block-snapshot.ts";

/** A longer wait is told in the message alone: some official clients sleep whatever `retry-after` says. */
const RETRY_AFTER_S_MAX = 60;

type Refused = Omit<RefusalInput, "decision">;

/**
 * Steps 2 and 3 for a caller whose body was not read: whoever is stopped costs no memory. Step 3 waits for the body where a model is
 * switched off, so that the reason is that of the first rule for every call.
 */
export function refusedBeforeBody(gateway: Gateway, call: ConsideredCall): Refused | null {
  const blocks = gateway.blocks(call.identity);
  if (blocks.empty) return null;
  const nowMs = gateway.now();
  const known = stoppableOf(call);
  const found = blocks.killSwitchOn(known, nowMs) ?? (blocks.stopsModels ? null : blocks.blockOn(known, nowMs));
  return found === null ? null : refusalOf(found, nowMs);
}

/** Steps 2 and 3, everything known. */
export function refusedByBlock(gateway: Gateway, call: ConsideredCall): Refused | null {
  const blocks = gateway.blocks(call.identity);
  if (blocks.empty) return null;
  const nowMs = gateway.now();
  const known = stoppableOf(call);
  const found = blocks.killSwitchOn(known, nowMs) ?? blocks.blockOn(known, nowMs);
  return found === null ? null : refusalOf(found, nowMs);
}

const NO_MODELS: readonly string[] = Object.freeze([]);

export function stoppableOf(call: ConsideredCall): StoppableCall {
  const { identity, provider } = call;
  // Not set before the body is parsed, whatever its type says.
  const facts = call.facts as ConsideredCall["facts"] | null;
  return {
    dimensions: identity.dimensions,
    provider,
    key: identity.key,
    model: facts?.model ?? null,
    otherModels: facts?.otherModels ?? NO_MODELS,
  };
}

const WHAT: { readonly [K in BlockKind]: (scope: string) => string } = {
  kill_switch: (scope) => `A kill switch stops ${scope === "org" ? "all calls" : scope}`,
  blocklist: (scope) => `${scope} is blocked`,
  frozen_session: (scope) => `${scope} is frozen`,
};

/** Names the scope, which the caller itself carries, and the end, where there is one; never why: that is for operators. */
export function messageOf(block: Block): string {
  const until = block.expiresMs === null ? "" : ` until ${new Date(block.expiresMs).toISOString()}`;
  return `${WHAT[block.kind](block.scope)}${until}`;
}

function refusalOf(block: Block, nowMs: number): Refused {
  const refusal = { code: BLOCK_CODES[block.kind], message: messageOf(block) };
  // Nobody is invited to try a kill switch again: it ends when those who pulled it say so.
  if (block.kind === "kill_switch" || block.expiresMs === null) return refusal;
  const seconds = Math.ceil((block.expiresMs - nowMs) / 1_000);
  return { ...refusal, retryAfter: seconds <= RETRY_AFTER_S_MAX ? seconds : null };
}
