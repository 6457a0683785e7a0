import type { Policy, PolicyDocument } from "@tollhouse/contract/control-client";

/** What of a policy somebody wrote: what was given to it (id, version, time) is left out. */
export function documentOf({ id: _id, version: _version, created_at: _created, ...document }: Policy): PolicyDocument {
  return document;
}

export function textOf(document: PolicyDocument): string {
  return JSON.stringify(document, null, 2);
}
