import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startChild, untilFound } from "./child-program.ts";

/** One call on the provider simulator's bill, as its file has it. */
export interface BilledCall {
  readonly callId: string;
  readonly endpoint: string;
  readonly streamed: boolean;
  /** `null`: it has not ended. */
  readonly finished: "complete" | "aborted" | "cut" | "error" | null;
  readonly status: number | null;
  readonly classes: Readonly<Record<string, number>>;
  /** Nano-dollars; 0 while it has not ended. */
  readonly cost: bigint;
  readonly tag: string | null;
}

/** The provider simulator as a process of its own: no crash of ours, and no load of a test, reaches its bill. */
export interface SimulatorProcess {
  readonly url: string;
  /** Every call that arrived, in the order of arrival: read from the file. */
  bill(): readonly BilledCall[];
  close(): Promise<void>;
}

export interface SimulatorProcessOptions {
  readonly seed?: number;
  /** Share (0 … 1) of the calls that a seeded fault befalls. */
  readonly faultRate?: number;
  readonly tokensPerSecond?: number;
}

type BillRecord = Omit<BilledCall, "cost" | "finished" | "status"> & {
  readonly event: "start" | "end";
  readonly responseId: string;
  readonly finished?: NonNullable<BilledCall["finished"]>;
  readonly status?: number;
  readonly costNano?: string;
};

export async function simulatorProcess(options: SimulatorProcessOptions = {}): Promise<SimulatorProcess> {
  const folder = await mkdtemp(join(tmpdir(), "th-bill-"));
  const file = join(folder, "bill.ndjson");
  const args = ["--seed", String(options.seed ?? 1), "--bill", file, "--bill-lines", "0"];
  if (options.faultRate !== undefined) args.push("--fault-rate", String(options.faultRate));
  if (options.tokensPerSecond !== undefined) args.push("--tokens-per-second", String(options.tokensPerSecond));
  const script = fileURLToPath(new URL("../../simulator/src/main.ts", import.meta.url));
  const program = startChild({ script, args });
  const close = async (): Promise<void> => {
    await program.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const line = await untilFound(program, () => firstLine(program.stdout()), "the simulator's address", 20_000);
    const { url } = JSON.parse(line) as { url: string };
    return { url, bill: () => readBill(readFileSync(file, "utf8")), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function firstLine(text: string): string | null {
  return text.includes("\n") ? text.slice(0, text.indexOf("\n")) : null;
}

function readBill(text: string): BilledCall[] {
  // By the id in the answer, not the call's name: two calls of one name are two lines on the bill.
  const calls = new Map<string, BilledCall>();
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const { callId, responseId, endpoint, streamed, classes, tag, ...end } = JSON.parse(line) as BillRecord;
    if (end.event === "end" && !calls.has(responseId)) throw new Error(`the bill ends ${callId}, which never began`);
    calls.set(responseId, {
      callId,
      endpoint,
      streamed,
      classes,
      tag,
      finished: end.finished ?? null,
      status: end.status ?? null,
      cost: BigInt(end.costNano ?? 0),
    });
  }
  return [...calls.values()];
}
