import { count } from "./amounts.ts";
import type { Terminal } from "./terminal.ts";

const BAR = 30;
/** More often than this nobody sees it. */
const REDRAW_MS = 100;

/** How far long work has come: one line that is drawn anew, on standard error, and only where somebody looks. */
export class Progress {
  readonly #terminal: Terminal;
  readonly #what: string;
  readonly #visible: boolean;
  #drawnAtMs = 0;
  constructor(terminal: Terminal, what: string) {
    this.#terminal = terminal;
    this.#what = what;
    this.#visible = terminal.stderr.isTTY === true;
  }

  /** `total`: null where nobody knows it. */
  at(done: number, total: number | null): void {
    if (!this.#visible) return;
    const nowMs = performance.now();
    if (nowMs - this.#drawnAtMs < REDRAW_MS && done !== total) return;
    this.#drawnAtMs = nowMs;
    this.#draw(
      total === null
        ? `${count(done)} ${this.#what}`
        : `${bar(done, total)} ${count(done)}/${count(total)} ${this.#what}`,
    );
  }

  /** Leaves nothing behind: what was found comes after. */
  end(): void {
    if (this.#visible) this.#terminal.stderr.write("\r\u001b[K");
  }

  #draw(line: string): void {
    const columns = this.#terminal.stderr.columns || 80;
    this.#terminal.stderr.write(`\r${line.slice(0, columns - 1)}\u001b[K`);
  }
}

function bar(done: number, total: number): string {
  const filled = total === 0 ? BAR : Math.min(BAR, Math.floor((done / total) * BAR));
  return `[${"#".repeat(filled)}${".".repeat(BAR - filled)}] ${Math.floor((filled / BAR) * 100)
    .toString()
    .padStart(3)}%`;
}
