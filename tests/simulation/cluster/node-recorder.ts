import type { VirtualTime } from "../virtual-time.ts";
import type { Frame } from "./call-log.ts";
import type { ClusterDatabase, DatabaseConnection } from "./cluster-database.ts";

export interface RecorderParts {
  readonly name: string;
  readonly time: VirtualTime;
  readonly database: ClusterDatabase;
  readonly db: DatabaseConnection;
  readonly frames: readonly Frame[];
}

/** Open calls are stored from this age on. */
const STORED_AFTER_MS = 1_000;
const EVERY_MS = 20;
const AGAIN_MS = 100;

/** The contract of `Recorder` towards a rebuild: what was written before the boundary is in the database, what follows waits. */
export class SimulatedRecorder {
  readonly #parts: RecorderParts;
  #hold = Infinity;
  #all = false;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
    void this.#run();
  }

  get idle(): boolean {
    return this.#done >= this.#parts.frames.length;
  }

  async drained(): Promise<void> {
    const end = this.#parts.frames.length;
    while (this.#done < end) await this.#parts.time.pause(EVERY_MS);
  }

  async layDown(atBoundary: () => void): Promise<void> {
    atBoundary();
    this.#hold = this.#parts.frames.length;
    this.#all = true;
    await this.#untilStored();
  }

  goOn(): void {
    this.#hold = Infinity;
    this.#all = false;
  }

  get #done(): number {
    return this.#parts.database.recordedOf(this.#parts.name).frames;
  }

  async #untilStored(): Promise<void> {
    const { name, database, time } = this.#parts;
    const stored = (): boolean => {
      const { fold, stored: there } = database.recordedOf(name);
      return [...fold.open.keys()].every((id) => there.has(id));
    };
    while (this.#done < this.#hold || !stored()) await time.pause(EVERY_MS);
  }

  async #run(): Promise<void> {
    const { name, frames, database, db, time } = this.#parts;
    for (;;) {
      await time.pause(EVERY_MS);
      const [from, all] = [this.#done, this.#all];
      const batch = frames.slice(from, Math.min(this.#hold, frames.length));
      try {
        await db.ask(() =>
          database.commit(name, from, batch, ({ atMs }) => all || time.nowMs - atMs > STORED_AFTER_MS),
        );
      } catch {
        await time.pause(AGAIN_MS);
      }
    }
  }
}
