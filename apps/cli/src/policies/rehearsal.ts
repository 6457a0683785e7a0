import { createInterface } from "node:readline";
import type { Operations, Rehearsal, RehearsedChange } from "@tollhouse/contract/control-client";
import { CommandFailed } from "../exit-codes.ts";
import type { Run } from "../run.ts";
import { bodyOf } from "../streamed.ts";
import { Progress } from "../terminal/progress.ts";

type Line =
  | { readonly change: RehearsedChange }
  | { readonly progress: { readonly calls: number } }
  | { readonly rehearsal: Rehearsal };

/** A rehearsal with how far it has come; of its changes the first `limit`, as the answer in one piece has them. */
export async function rehearsed(
  run: Run,
  body: Operations["rehearsePolicy"]["body"],
  limit: number,
): Promise<Rehearsal> {
  const progress = new Progress(run.terminal, "calls");
  const changes: RehearsedChange[] = [];
  let leftOut = 0;
  try {
    const stream = await bodyOf(run, "rehearsePolicy", { body }, "application/x-ndjson");
    for await (const text of createInterface({ input: stream, crlfDelay: Infinity })) {
      const line = JSON.parse(text) as Line;
      if ("rehearsal" in line) return { ...line.rehearsal, changes, changes_left_out: leftOut };
      if ("progress" in line) progress.at(line.progress.calls, null);
      else if (changes.length < limit) changes.push(line.change);
      else leftOut += 1;
    }
  } finally {
    progress.end();
  }
  // A stream has no status for what goes wrong in its middle.
  throw new CommandFailed("unavailable", "the rehearsal broke off before its end");
}
