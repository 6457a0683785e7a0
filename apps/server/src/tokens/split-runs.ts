/**
 * The tokenizer's cost is quadratic in a run that its pattern cannot break (10⁵ letters: 6 s). Runs of one class longer than
 * this are cut. Longer than any word, and than any paragraph of a script without spaces.
 */
export const RUN_LENGTH_MAX = 1_000;
/** Pieces of the rest of such a run: small, because it is cut already and only the time counts. */
const REST_LENGTH = 250;
/** About 5 ms of work: between pieces the worker looks at the deadline. */
const PIECE_LENGTH = 65_536;

const LETTER = 1;
const SPACE = 2;
const SIGN = 4;
const NEWLINE = 8;

/** Classes of the o200k pattern by UTF-16 unit; a unit can be in several, because the pattern's runs overlap. */
const CLASSES = classTable();

function classTable(): Uint8Array {
  const table = new Uint8Array(0x10000);
  for (let unit = 0; unit < table.length; unit++) {
    const text = String.fromCharCode(unit);
    let bits = 0;
    if (/[\p{L}\p{M}]/u.test(text)) bits |= LETTER;
    if (/\s/u.test(text)) bits |= SPACE;
    if (/[^\s\p{L}\p{N}]/u.test(text)) bits |= SIGN;
    if (text === "\n" || text === "\r" || text === "/") bits |= NEWLINE;
    // Halves of pairs: letters of rare scripts, or emoji. Counting them as both cuts too early at worst.
    if (unit >= 0xd800 && unit <= 0xdfff) bits = LETTER | SIGN;
    table[unit] = bits;
  }
  return table;
}

/**
 * Pieces of the text in order, such that no piece holds a run longer than RUN_LENGTH_MAX. Their token counts add up to the
 * text's where nothing was cut inside a run, else to slightly more. Each piece is at most about 64 Ki units where the text
 * has a word in Latin letters now and then: between a letter and a space the tokenizer always begins a new token.
 */
export function* splitRuns(text: string): Generator<string, void, undefined> {
  let start = 0;
  let letters = 0;
  let spaces = 0;
  let signs = 0;
  let newlines = 0;
  let previous = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    const bits = CLASSES[unit] ?? 0;
    // Not between the halves of a pair: each half alone would be three bytes of a replacement character.
    const runIsLong = Math.max(letters, spaces, signs, newlines) >= RUN_LENGTH_MAX && (unit < 0xdc00 || unit > 0xdfff);
    const wordEnds = previous === LETTER && bits === SPACE && at - start >= PIECE_LENGTH;
    if (runIsLong || wordEnds) {
      yield text.slice(start, at);
      start = at;
      const rest = RUN_LENGTH_MAX - REST_LENGTH;
      letters = Math.min(letters, rest);
      spaces = Math.min(spaces, rest);
      signs = Math.min(signs, rest);
      newlines = Math.min(newlines, rest);
    }
    letters = (bits & LETTER) === 0 ? 0 : letters + 1;
    spaces = (bits & SPACE) === 0 ? 0 : spaces + 1;
    signs = (bits & SIGN) === 0 ? 0 : signs + 1;
    newlines = (bits & NEWLINE) === 0 ? 0 : newlines + 1;
    previous = bits;
  }
  if (start < text.length) yield text.slice(start);
}
