import { formatCount } from "../../parts/format.ts";

/** How many running calls a stop ended. */
export function endedWords(calls: number): string {
  if (calls === 0) return "No call of it was running.";
  return calls === 1 ? "One running call was ended." : `${formatCount(calls)} running calls were ended.`;
}
