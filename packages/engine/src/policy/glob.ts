/** Texts that one glob stands for once its braces are written out. */
const ALTERNATIVES_MAX = 64;
/** Characters of all alternatives of one list: a look at a text costs at most its length × this / 32 word operations. */
const STATES_MAX = 8_192;

/** A glob that is none, or a list that is too large to look at on every call. The message says what was expected. */
export class GlobInvalid extends Error {
  override readonly name = "GlobInvalid";
}

/** Compiled globs. Immutable. */
export interface GlobList {
  /** As they were written. */
  readonly globs: readonly string[];
  /** Does any of them match all of the text? */
  matches(text: string): boolean;
}

/**
 * `*` any text, `?` one UTF-16 unit, `{a,b}` one of them (not nested); everything else is itself. Throws GlobInvalid.
 *
 * All globs of a list run side by side as one automaton of bits (Baeza-Yates and Gonnet's shift-and, with self-loops for `*`):
 * no pattern makes it go back in the text. A regular expression was rejected: each `*` more in `*a*a*a*…` multiplies its work by
 * the length of the text.
 */
export function compileGlobs(globs: readonly string[], caseSensitive: boolean): GlobList {
  const fold = caseSensitive ? (text: string): string => text : (text: string): string => text.toLowerCase();
  const alternatives = globs.flatMap((glob) => expandBraces(fold(glob)));
  const literals = new Set(alternatives.filter((text) => !/[*?]/.test(text)));
  const patterns = alternatives.filter((text) => /[*?]/.test(text));
  const automaton = patterns.length === 0 ? null : compileAutomaton(patterns);
  const matches = (text: string): boolean => {
    const folded = fold(text);
    return literals.has(folded) || (automaton !== null && accepts(automaton, folded));
  };
  return Object.freeze({ globs: Object.freeze([...globs]), matches });
}

function expandBraces(glob: string): readonly string[] {
  let texts = [""];
  for (let at = 0; at < glob.length;) {
    const open = glob.indexOf("{", at);
    const plain = glob.slice(at, open === -1 ? glob.length : open);
    if (plain.includes("}")) throw new GlobInvalid(`expected "{" before "}" in ${glob}`);
    texts = texts.map((text) => text + plain);
    if (open === -1) break;
    const close = glob.indexOf("}", open);
    const inside = glob.slice(open + 1, close);
    if (close === -1 || inside.includes("{")) throw new GlobInvalid(`expected "{a,b}", not nested, in ${glob}`);
    const choices = inside.split(",");
    if (texts.length * choices.length > ALTERNATIVES_MAX)
      throw new GlobInvalid(`expected at most ${ALTERNATIVES_MAX} alternatives in ${glob}`);
    texts = texts.flatMap((text) => choices.map((choice) => text + choice));
    at = close + 1;
  }
  return texts;
}

/**
 * One bit a state; state i of a pattern = its first i characters (without `*`) have matched. The patterns lie one behind the
 * other; a first state is in no row of `steps`, so that nothing is carried from one pattern into the next.
 */
interface Automaton {
  readonly words: number;
  readonly start: Uint32Array;
  readonly accept: Uint32Array;
  /** States with a `*` behind them: they stay, whatever comes. */
  readonly stay: Uint32Array;
  /** The character of row i + 1 of `steps`; all others share row 0. */
  readonly alphabet: string;
  /** Rows of `words` each: the states that the row's character leads into. */
  readonly steps: Uint32Array;
}

function compileAutomaton(patterns: readonly string[]): Automaton {
  const states = patterns.reduce((sum, pattern) => sum + pattern.replaceAll("*", "").length + 1, 0);
  if (states > STATES_MAX) throw new GlobInvalid(`expected globs of at most ${STATES_MAX} characters in one list`);
  const words = Math.ceil(states / 32);
  const characters = new Set(patterns.flatMap((pattern) => pattern.replaceAll(/[*?]/g, "").split("")));
  const alphabet = [...characters].join("");
  const bits = (): Uint32Array => new Uint32Array(words);
  const made = { start: bits(), accept: bits(), stay: bits(), steps: new Uint32Array(words * (alphabet.length + 1)) };
  let state = 0;
  for (const pattern of patterns) {
    setBit(made.start, 0, state);
    for (const character of pattern.split("")) {
      if (character === "*") {
        setBit(made.stay, 0, state);
        continue;
      }
      state += 1;
      if (character === "?") for (let row = 0; row <= alphabet.length; row++) setBit(made.steps, row * words, state);
      else setBit(made.steps, (alphabet.indexOf(character) + 1) * words, state);
    }
    setBit(made.accept, 0, state);
    state += 1;
  }
  return { words, alphabet, ...made };
}

function setBit(bits: Uint32Array, from: number, state: number): void {
  const word = from + (state >>> 5);
  bits[word] = (bits[word] ?? 0) | (1 << (state & 31));
}

function accepts({ words, start, accept, stay, alphabet, steps }: Automaton, text: string): boolean {
  const alive = start.slice();
  for (let i = 0; i < text.length; i++) {
    const row = (alphabet.indexOf(text.charAt(i)) + 1) * words;
    let carry = 0;
    for (let word = 0; word < words; word++) {
      const now = alive[word] as number;
      alive[word] = (((now << 1) | carry) & (steps[row + word] as number)) | (now & (stay[word] as number));
      carry = now >>> 31;
    }
  }
  return alive.some((word, i) => (word & (accept[i] as number)) !== 0);
}
