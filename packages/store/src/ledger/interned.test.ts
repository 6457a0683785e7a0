import fc from "fast-check";
import { expect, test } from "vitest";
import { Interned } from "./interned.ts";

test("two pairs have one number exactly where they are the same, however many there are", () => {
  const names = new Interned<number>();
  const ids = Array.from({ length: 60 }, (_, n) => names.value(n));
  const known = new Map<string, number>();
  const seen = new Set<number>(ids);
  for (let round = 0; round < 2; round++)
    for (const a of ids)
      for (const b of ids) {
        const id = names.pair(a, b);
        const before = known.get(`${a} ${b}`);
        expect(before ?? id).toBe(id);
        if (before === undefined) expect(seen.has(id)).toBe(false);
        known.set(`${a} ${b}`, id);
        seen.add(id);
      }
  expect(known.size).toBe(3600);
});

test("values are told apart by what they are; bytes by their content, and not from the text that looks like them", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string({ maxLength: 2 }), fc.constant(null), fc.nat(3), fc.uint8Array({ maxLength: 2 })), {
        maxLength: 60,
      }),
      (values) => {
        const names = new Interned<unknown>();
        const ids = values.map((value) => names.value(value));
        expect(values.map((value) => names.value(value))).toEqual(ids);
        for (const [i, a] of values.entries())
          for (const [j, b] of values.entries()) expect(ids[i] === ids[j]).toBe(sameText(a) === sameText(b));
        ids.forEach((id, i) => expect(names.of(id)).toEqual(values[i]));
      },
    ),
    { numRuns: 300 },
  );
});

/** Texts have no NUL in front: none of a projection has one. */
function sameText(value: unknown): string {
  return value instanceof Uint8Array ? `bytes ${Buffer.from(value).toString("hex")}` : JSON.stringify([value]);
}
