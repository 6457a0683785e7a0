import {
  configurationVersion,
  makeConfigurationBarrier,
  nodesBehind,
  tellConfiguration,
  type CounterChange,
  type Database,
  type Recorder,
} from "@tollhouse/store";
import { Problem } from "../control/problem.ts";
import type { Together } from "../limits/starting-counters.ts";
import { within } from "../limits/within.ts";
import { Turns } from "../turns.ts";

export interface NodeProgressParts {
  /** As the installation. */
  readonly db: Database;
  readonly recorder: Pick<Recorder, "drained">;
  /** To the shared counters of a tenant, until it is acknowledged: `told` then. */
  adjust(tenant: string, id: string, changes: readonly CounterChange[], told: () => void): void;
  readonly failed: (error: unknown) => void;
}

/** The row of a process among the nodes. */
export interface NodeProcessRow {
  readonly node: string;
  readonly instance: string;
}

const WAIT_MS = 10_000;
const ASK_MS = 25;
/** Longer is behind a rebuild, which counts it by itself. */
const TOLD_MS = 2_000;

/**
 * Says which configuration this process has, and up to which every call that ended without it is recorded; and waits for the others to say
 * so. From then on the sums of the database tell apart what was used before a change from what is counted since.
 */
export class NodeProgress implements Together {
  readonly turns = new Turns();
  readonly #parts: NodeProgressParts;
  #row: NodeProcessRow | null = null;
  #version = 0n;
  #recorded = 0n;
  #telling = false;

  constructor(parts: NodeProgressParts) {
    this.#parts = parts;
  }

  /** Once it takes part; before, nobody waits for it, and it waits for nobody. */
  joined(row: NodeProcessRow): void {
    this.#row = row;
  }

  /** Everything up to here is in force. To be told each second too: a process that joins anew is taken to have nothing. */
  loaded(version: bigint): void {
    this.#version = version;
    if (this.#telling || this.#row === null) return;
    this.#telling = true;
    void this.#tell(this.#row)
      .catch(this.#parts.failed)
      .finally(() => (this.#telling = false));
  }

  async everywhere(): Promise<void> {
    await this.#reached(await configurationVersion(this.#parts.db));
  }

  async everywhereRecorded(): Promise<void> {
    await this.#reached(await makeConfigurationBarrier(this.#parts.db));
  }

  async #reached(version: bigint): Promise<void> {
    const { db } = this.#parts;
    if (this.#row === null) throw new Problem("LIMITS_UNAVAILABLE", "This node does not take part yet");
    const until = performance.now() + WAIT_MS;
    for (;;) {
      const [behind] = await nodesBehind(db, version, this.#row.node);
      if (behind === undefined) return;
      if (performance.now() > until)
        throw new Problem("LIMITS_UNAVAILABLE", `The node ${behind} is behind, so what was spent is not known yet`);
      await new Promise((resolve) => setTimeout(resolve, ASK_MS));
    }
  }

  recorded(): Promise<void> {
    return within(this.#parts.recorder.drained(), WAIT_MS);
  }

  adjust(tenant: string, id: string, changes: readonly CounterChange[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, TOLD_MS);
    this.#parts.adjust(tenant, id, changes, resolve);
    return promise.finally(() => clearTimeout(timer));
  }

  async #tell(row: NodeProcessRow): Promise<void> {
    const { db, recorder } = this.#parts;
    let version: bigint;
    do {
      version = this.#version;
      if (version !== this.#recorded) {
        await tellConfiguration(db, { ...row, version, recorded: this.#recorded });
        await recorder.drained();
        this.#recorded = version;
      }
      await tellConfiguration(db, { ...row, version, recorded: version });
    } while (this.#version !== version);
  }
}
