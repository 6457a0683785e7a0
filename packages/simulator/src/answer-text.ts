import { Random } from "./random.ts";
import { WORDS } from "./words.ts";

const TAPE_WORDS = 4096;

/**
 * Text of a wanted length in tokens. A tape of seeded words is written once; a text is a slice of it, so that an answer
 * costs no concatenation of words (the upstream of a benchmark must not be its bottleneck). Only ASCII letters and spaces: it
 * needs no escape in JSON, and its bytes are its characters.
 */
export class AnswerText {
  private readonly tape: string;
  private readonly starts = new Uint32Array(TAPE_WORDS + 1);

  constructor(seed: number) {
    const random = new Random(seed, "tape");
    let tape = "";
    for (let i = 0; i < TAPE_WORDS; i++) {
      this.starts[i] = tape.length;
      tape += ` ${WORDS[random.between(0, WORDS.length - 1)] ?? "the"}`;
    }
    this.starts[TAPE_WORDS] = tape.length;
    this.tape = tape;
  }

  /** `count` words from word `from` on, each with its leading space: `count` tokens. The tape is a ring. */
  words(from: number, count: number): string {
    let at = from % TAPE_WORDS;
    let left = count;
    let text = "";
    while (left > 0) {
      const taken = Math.min(left, TAPE_WORDS - at);
      text += this.tape.slice(this.starts[at], this.starts[at + taken]);
      left -= taken;
      at = 0;
    }
    return text;
  }
}
