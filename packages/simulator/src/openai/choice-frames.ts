import type { Call, Frame } from "../call.ts";
import { type Choice, type Piece, piecesOf } from "../plan.ts";

/** A step of one choice: its opening (no text yet), a piece, or its end. */
export interface ChoiceStep {
  readonly text: string;
  readonly tokens: number;
  readonly begin: boolean;
  readonly end: boolean;
}

const BEGIN: ChoiceStep = { text: "", tokens: 0, begin: true, end: false };
const END: ChoiceStep = { text: "", tokens: 0, begin: false, end: true };

/** All choices side by side, one piece of each in turn, as providers interleave them. */
export function* choiceFrames(
  call: Call,
  choices: readonly Choice[],
  write: (index: number, choice: Choice, step: ChoiceStep) => string,
): Generator<Frame> {
  const running: { index: number; choice: Choice; pieces: Iterator<Piece> }[] = [];
  for (const [index, choice] of choices.entries()) {
    running.push({ index, choice, pieces: piecesOf(call, choice) });
    yield { text: write(index, choice, BEGIN), tokens: 0 };
  }
  while (running.length > 0) {
    for (let at = 0; at < running.length; at++) {
      const one = running[at];
      if (one === undefined) continue;
      const next = one.pieces.next();
      if (next.done === true) {
        running.splice(at--, 1);
        yield { text: write(one.index, one.choice, END), tokens: 0 };
      } else {
        const { text, tokens } = next.value;
        yield { text: write(one.index, one.choice, { text, tokens, begin: false, end: false }), tokens };
      }
    }
  }
}
