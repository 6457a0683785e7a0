import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { LoadOrder, LoadReport } from "./load-generator.ts";

/** Core of the load generator and the upstream, and core of whoever is measured. */
export const LOAD_CORE = 0;
export const SERVER_CORE = 1;

const SOURCE_FLAGS = ["--conditions=@tollhouse/source", "--max-semi-space-size=64"];

export const CAN_PIN = availableParallelism() > 1 && spawnSync("taskset", ["-V"]).status === 0;

/** Program and arguments that start `argv` on one core, where the machine can do that. */
export function pinned(core: number, argv: readonly [string, ...string[]]): readonly [string, string[]] {
  if (!CAN_PIN) return [argv[0], argv.slice(1)];
  return ["taskset", ["-c", String(core), ...argv]];
}

/** Moves threads and processes to a core. One that ended meanwhile is no error. */
export function moveTo(core: number, ids: readonly number[]): void {
  if (CAN_PIN) for (const id of ids) spawnSync("taskset", ["-p", "-c", String(core), String(id)]);
}

/** One of the programs of this folder, in a process of its own. */
export interface BenchProcess {
  readonly pid: number;
  /** What it told when it was up. */
  readonly port: number;
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

export async function startBenchProcess(
  file: string,
  core: number,
  args: readonly string[] = [],
): Promise<BenchProcess> {
  const program = fileURLToPath(new URL(file, import.meta.url));
  const [command, argv] = pinned(core, [process.execPath, ...SOURCE_FLAGS, program, ...args]);
  const child = spawn(command, argv, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const [told] = (await Promise.race([once(child, "message"), failure(child, file)])) as [{ port?: number }];
  return {
    pid: child.pid as number,
    port: told.port ?? 0,
    child,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill();
      await once(child, "exit");
    },
  };
}

async function failure(child: ChildProcess, file: string): Promise<never> {
  const [code] = (await once(child, "exit")) as [number | null];
  throw new Error(`${file} ended with ${code ?? child.signalCode}`);
}

/** One run of the load. Throws where a single call failed: such a run measures nothing. */
export async function runLoad(generator: BenchProcess, order: LoadOrder): Promise<LoadReport> {
  generator.child.send(order);
  const [report] = (await once(generator.child, "message")) as [LoadReport];
  if (report.failed > 0) throw new Error(`${report.failed} calls failed; the first: ${report.firstFailure}`);
  return report;
}
