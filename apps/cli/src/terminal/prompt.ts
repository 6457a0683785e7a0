import { createInterface } from "node:readline/promises";
import type { Terminal } from "./terminal.ts";

/** Ctrl-D, or an input that has ended, is nobody's answer: it ends the command as Ctrl-C does, where readline would wait for ever. */
export async function readLine({ stdin, stderr, interrupted }: Terminal, question: string): Promise<string> {
  const lines = createInterface({ input: stdin, output: stderr, terminal: false });
  const ended = new AbortController();
  lines.once("close", () => ended.abort());
  try {
    return await lines.question(question, { signal: AbortSignal.any([interrupted, ended.signal]) });
  } finally {
    lines.close();
  }
}

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const BACKSPACE = /[\b\u007f]/;

/** Typed without an echo: the terminal is put into raw mode for as long, and back whatever happens. */
export async function readHidden({ stdin, stderr }: Terminal, question: string): Promise<string> {
  // Before anybody is asked: whoever is fast, or pastes, must not see it either.
  stdin.setRawMode?.(true);
  stderr.write(question);
  try {
    return await new Promise((resolve, reject) => {
      let typed = "";
      const onData = (data: Buffer): void => {
        for (const character of data.toString("utf8")) {
          if (character === "\r" || character === "\n" || character === CTRL_D) return end(() => resolve(typed));
          if (character === CTRL_C) return end(() => reject(new DOMException("Ctrl-C", "AbortError")));
          typed = BACKSPACE.test(character) ? typed.slice(0, -1) : typed + character;
        }
      };
      const onEnd = (): void => end(() => reject(new DOMException("no more input", "AbortError")));
      const end = (then: () => void): void => {
        stdin.off("data", onData).off("end", onEnd).pause();
        then();
      };
      stdin.on("data", onData).on("end", onEnd).resume();
    });
  } finally {
    stdin.setRawMode?.(false);
    stderr.write("\n");
  }
}
