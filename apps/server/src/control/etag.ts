import { Problem } from "./problem.ts";

/** Entity tags that `If-Match` names; null = it says nothing, or `*`: any version will do. */
export type IfMatch = ReadonlySet<string> | null;

/** The tag of a version. It names what can be changed, not the state beside it, which every call moves. */
export function etagOf(version: number): string {
  return `"${version}"`;
}

/** A weak tag (`W/"3"`) never matches here (RFC 9110 §13.1.1), and a header that is no list of tags matches nothing. */
export function ifMatchOf(header: string | undefined): IfMatch {
  if (header === undefined || header.trim() === "*") return null;
  return new Set(header.split(",").map((tag) => tag.trim()));
}

/** Throws where the thing is no longer as `If-Match` says: a change made on an older reading is refused, not overwritten. */
export function assertMatch(ifMatch: IfMatch, id: string, version: number): void {
  if (ifMatch === null || ifMatch.has(etagOf(version))) return;
  throw new Problem("PRECONDITION_FAILED", `${id} is at version ${version}, which If-Match does not name`);
}
