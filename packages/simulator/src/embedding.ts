import type { Call } from "./call.ts";
import { Random } from "./random.ts";

/** A unit vector of `size` numbers that depends on the text only: the same text embeds alike in every call. */
export function embedding(call: Call, text: string, size: number): Float32Array {
  const random = new Random(call.model.name.length, text);
  const vector = new Float32Array(size);
  let squares = 0;
  for (let i = 0; i < size; i++) {
    const value = random.next() / 0x8000_0000 - 1;
    vector[i] = value;
    squares += value * value;
  }
  const length = Math.sqrt(squares);
  for (let i = 0; i < size; i++) vector[i] = (vector[i] ?? 0) / length;
  return vector;
}
