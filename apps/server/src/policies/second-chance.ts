import type { CallFacts } from "@tollhouse/contract";
import { BadRequest } from "@tollhouse/providers";
import { refusedByBlock } from "../blocks/block-refusal.ts";
import type { Call } from "../gateway/call.ts";
import { matchAndPrice } from "../gateway/consider-call.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { RefusalInput } from "../gateway/refusal.ts";
import { contextHeaders } from "../gateway/request-headers.ts";
import { countInput, reserveCall, type Reservation } from "../gateway/reserve-call.ts";
import { modelNotAllowed } from "../keys/key-rules.ts";
import { policyRules } from "./policy-rules.ts";

type Blocked = Omit<RefusalInput, "decision">;

const ANY_ROOM = { usd: null, tokens: null, requests: null };

/**
 * A call that a cap refused, once more: with its input counted exactly where the decision depends on it, then with the cheaper model that
 * a policy names. Null: it may go. Nothing of this runs for a call that was let through.
 */
export async function secondChance(
  gateway: Gateway,
  call: Call,
  body: unknown,
  first: Blocked,
): Promise<Blocked | null> {
  const refused = await recount(gateway, call, body, first);
  if (refused === null || refused.code !== "REQUEST_COST_CAP") return refused;
  return (await downgrade(gateway, call, body)) ? null : refused;
}

/** Reserves; where a budget refuses, with the cheaper model that a policy names. */
export async function reserveOrDowngrade(gateway: Gateway, call: Call, body: unknown): Promise<Reservation | Blocked> {
  const first = await reserveCall(gateway, call, body);
  if (!("code" in first) || first.code !== "BUDGET_EXCEEDED" || (call.policy?.downgradeTo ?? null) === null)
    return first;
  const before = stateOf(call);
  if (!(await downgrade(gateway, call, body))) return first;
  const second = await reserveCall(gateway, call, body);
  if (!("code" in second)) return second;
  Object.assign(call, before);
  return first;
}

async function recount(gateway: Gateway, call: Call, body: unknown, first: Blocked): Promise<Blocked | null> {
  if (call.policy?.recount !== true || !(await countInput(gateway, call, body, ANY_ROOM))) return first;
  return policyRules(gateway, call, call.policy.matched, true);
}

/** False: there is no such model, or it may not serve the call either; the call is then as it was. */
async function downgrade(gateway: Gateway, call: Call, body: unknown): Promise<boolean> {
  const before = stateOf(call);
  const model = call.policy?.downgradeTo ?? null;
  const facts = model === null ? null : factsWith(call, body, model);
  if (facts === null) return false;
  call.facts = facts;
  call.askedModel = before.facts.model;
  if (await mayServe(gateway, call, body)) return true;
  Object.assign(call, before);
  return false;
}

async function mayServe(gateway: Gateway, call: Call, body: unknown): Promise<boolean> {
  const { grant } = call.identity;
  if (refusedByBlock(gateway, call) !== null || (grant !== null && modelNotAllowed(call, grant) !== null)) return false;
  const refused = policyRules(gateway, call, matchAndPrice(gateway, call), false);
  return refused === null || (await recount(gateway, call, body, refused)) === null;
}

/** The facts of the same request with another model; null where the model of a request cannot be changed. */
function factsWith({ target, route, raw, headers }: Call, body: unknown, model: string): CallFacts | null {
  if (route.body !== "json") return null;
  const named = route.model === null ? { ...(body as object), model } : body;
  const asked = route.model === null ? route : { ...route, model };
  try {
    return target.upstream.adapter.parseRequest(asked, named, raw.length, contextHeaders(headers));
  } catch (error) {
    if (error instanceof BadRequest) return null;
    throw error;
  }
}

type Rewritable = Pick<
  Call,
  "facts" | "price" | "priced" | "estimate" | "limits" | "snapshotVersion" | "policy" | "policyRevision" | "askedModel"
>;

function stateOf(call: Call): Rewritable {
  const { facts, price, priced, estimate, limits, snapshotVersion } = call;
  const { policy = null, policyRevision = 0, askedModel = null } = call;
  return { facts, price, priced, estimate, limits, snapshotVersion, policy, policyRevision, askedModel };
}
