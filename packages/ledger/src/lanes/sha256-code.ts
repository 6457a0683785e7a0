import { WasmCode, wasmModule } from "./wasm-code.ts";

/** Parameters of the function, in their order. */
const [FROM, STRIDE, BLOCKS, INTO, INTO_STRIDE, INITIAL, GROUPS] = [0, 1, 2, 3, 4, 5, 6];
const PARAMETERS = 7;
/** Where the block of each lane begins, and the blocks that are left. */
const AT = PARAMETERS;
const LEFT = PARAMETERS + 4;
const NUMBERS = 5;
/** Vectors: what was hashed so far, the eight words of a round, sixteen words of the message, and whatever comes between. */
const HASHED = PARAMETERS + NUMBERS;
const STATE = HASHED + 8;
const WORDS = STATE + 8;
const BETWEEN = WORDS + 16;
const SPARE = BETWEEN + 4;
const TURNED = SPARE + 2;
const VECTORS = TURNED + 4 - HASHED;

/** Bytes of two vectors that give every other word of theirs, beside each other: the first two words of each, and the last two. */
const LOW_WORDS = [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23];
const HIGH_WORDS = [8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31];
/** The first and the last half of both, each word the other way round: SHA-256 counts its bytes from the other end. */
const LOW_HALVES = [3, 2, 1, 0, 7, 6, 5, 4, 19, 18, 17, 16, 23, 22, 21, 20];
const HIGH_HALVES = [11, 10, 9, 8, 15, 14, 13, 12, 27, 26, 25, 24, 31, 30, 29, 28];

const ROUND_CONSTANTS = fractionsOfRoots(64, 3);

/** What a hash begins with (FIPS 180-4, 5.3.3): eight words. */
export const INITIAL_WORDS: readonly number[] = fractionsOfRoots(8, 2);

/**
 * SHA-256 (FIPS 180-4) of four messages at once, a lane of a vector each. `run(from, stride, blocks, into, intoStride, initial, groups)` hashes
 * 4 × `groups` messages that lie `stride` bytes apart, each of so many whole blocks, padding included, from the eight words at `initial` on, and
 * writes the hashes `intoStride` bytes apart.
 */
export function sha256Module(pages: number): Uint8Array<ArrayBuffer> {
  const code = new WasmCode();
  code.times(GROUPS, () => {
    for (let lane = 0; lane < 4; lane++) lanePlace(code, lane, FROM, STRIDE).set(AT + lane);
    for (let word = 0; word < 8; word++)
      code
        .get(INITIAL)
        .loadSplat(4 * word)
        .set(HASHED + word);
    code.get(BLOCKS).set(LEFT);
    code.times(LEFT, () => oneBlock(code));
    writeHashes(code);
    lanePlace(code, 4, FROM, STRIDE).set(FROM);
    lanePlace(code, 4, INTO, INTO_STRIDE).set(INTO);
  });
  return wasmModule({ pages, parameters: PARAMETERS, numbers: NUMBERS, vectors: VECTORS }, code);
}

function lanePlace(code: WasmCode, lane: number, from: number, stride: number): WasmCode {
  code.get(from);
  for (let i = 0; i < lane; i++) code.get(stride).addInt();
  return code;
}

function oneBlock(code: WasmCode): void {
  for (let four = 0; four < 4; four++) {
    for (let lane = 0; lane < 4; lane++)
      code
        .get(AT + lane)
        .load(16 * four)
        .set(BETWEEN + lane);
    transpose(code, BETWEEN, WORDS + 4 * four);
  }
  for (let lane = 0; lane < 4; lane++)
    code
      .get(AT + lane)
      .int(64)
      .addInt()
      .set(AT + lane);
  for (let word = 0; word < 8; word++) code.get(HASHED + word).set(STATE + word);
  for (let round = 0; round < 64; round++) oneRound(code, round);
  for (let word = 0; word < 8; word++)
    code
      .get(HASHED + word)
      .get(STATE + word)
      .add()
      .set(HASHED + word);
}

/** Words do not move from one place of the state to the next: the names of the places do. */
function oneRound(code: WasmCode, round: number): void {
  const place = (word: number): number => STATE + ((word - round) & 7);
  const [a, b, c, d] = [place(0), place(1), place(2), place(3)];
  const [e, f, g, h] = [place(4), place(5), place(6), place(7)];
  const word = (back: number): number => WORDS + ((round - back) & 15);
  if (round >= 16) {
    code.get(word(16));
    mixed(code, word(15), [7, 18], 3).add().get(word(7)).add();
    mixed(code, word(2), [17, 19], 10).add().set(word(0));
  }
  // T1 = h + Σ1(e) + Ch(e, f, g) + K + W
  code
    .get(h)
    .get(word(0))
    .add()
    .splat(ROUND_CONSTANTS[round] as number)
    .add();
  mixed(code, e, [6, 11, 25]).add().get(f).get(g).get(e).select().add().tee(BETWEEN);
  code.get(d).add().set(d);
  // T1 + Σ0(a) + Maj(a, b, c): where a and b differ, c decides.
  code.get(BETWEEN);
  mixed(code, a, [2, 13, 22]).add().get(c).get(a).get(a).get(b).xor().select().add().set(h);
}

/** The word turned by each of these, and shifted by the last one, all of them xored. */
function mixed(code: WasmCode, word: number, turns: readonly number[], shift?: number): WasmCode {
  turns.forEach((bits, i) => {
    code.get(word).shiftRight(bits);
    if (i > 0) code.xor();
    code
      .get(word)
      .shiftLeft(32 - bits)
      .xor();
  });
  if (shift !== undefined) code.get(word).shiftRight(shift).xor();
  return code;
}

function writeHashes(code: WasmCode): void {
  for (const half of [0, 4]) {
    transpose(code, HASHED + half, BETWEEN);
    for (let lane = 0; lane < 4; lane++)
      lanePlace(code, lane, INTO, INTO_STRIDE)
        .get(BETWEEN + lane)
        .store(4 * half);
  }
}

/** Four vectors as the columns of a table become its rows, the bytes of each word turned round. */
function transpose(code: WasmCode, from: number, into: number): void {
  for (const [i, words] of [LOW_WORDS, HIGH_WORDS].entries()) {
    for (const pair of [0, 1])
      code
        .get(from + 2 * pair)
        .get(from + 2 * pair + 1)
        .shuffle(words)
        .set(SPARE + pair);
    for (const [j, halves] of [LOW_HALVES, HIGH_HALVES].entries())
      code
        .get(SPARE)
        .get(SPARE + 1)
        .shuffle(halves)
        .set(TURNED + 2 * i + j);
  }
  for (let i = 0; i < 4; i++) code.get(TURNED + i).set(into + i);
}
/** The first 32 bits behind the point of the square or cube roots of the first primes. */
function fractionsOfRoots(count: number, root: 2 | 3): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes.map((prime) => Number(rootOf(BigInt(prime) << BigInt(32 * root), root) & 0xffffffffn) | 0);
}

/** Rounded down; by halves, so that no floating point decides a bit. */
function rootOf(value: bigint, root: 2 | 3): bigint {
  let [low, high] = [0n, 1n << 48n];
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** BigInt(root) <= value) low = middle;
    else high = middle;
  }
  return low;
}
