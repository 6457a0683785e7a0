import { setTimeout as wait } from "node:timers/promises";
import type { LedgerVerified } from "@tollhouse/contract/control-client";
import { CommandFailed } from "../exit-codes.ts";
import type { Run } from "../run.ts";
import { Progress } from "../terminal/progress.ts";

const FIRST_LOOK_MS = 100;
const LOOK_MS = 1_000;

export interface Range {
  readonly from: number;
  readonly to: number | "latest";
  /** The note of a checkpoint that was kept. */
  readonly pin: string | null;
}

/** The server walks its chain by itself, and is asked how far it is: no request runs into a time limit, however long the chain. */
export async function verifyOnline(run: Run, { from, to, pin }: Range): Promise<LedgerVerified> {
  const body = { from, to, ...(pin !== null && { pin }) };
  let walk = await run.api.call("beginVerification", { body });
  const progress = new Progress(run.terminal, "entries");
  try {
    for (let lookMs = FIRST_LOOK_MS; walk.answer === null; lookMs = Math.min(LOOK_MS, lookMs * 2)) {
      if (walk.state === "ended")
        throw new CommandFailed("unavailable", "the server's process that verified has ended: verify again");
      await wait(lookMs, undefined, { signal: run.terminal.interrupted });
      walk = await run.api.call("getVerification", { params: { id: walk.id } });
      progress.at(walk.walked, walk.of);
    }
    return walk.answer;
  } finally {
    progress.end();
  }
}
