import type { ServerResponse } from "node:http";
import { IGNORED_HEADER } from "@tollhouse/contract";
import type { ConsideredCall } from "../gateway/considered-call.ts";

/** A plan that the client named and that is not the one of its call: there is no such plan, or an operator put it on another. */
export function tellPlan({ identity, policy }: ConsideredCall, res: ServerResponse): void {
  if (identity?.plan === undefined || policy === undefined || policy?.plan === identity.plan) return;
  const before = res.getHeader(IGNORED_HEADER);
  res.setHeader(IGNORED_HEADER, before === undefined ? "plan" : `${String(before)}, plan`);
}
