import { hash as oneShot, randomBytes } from "node:crypto";
import { afterEach, expect, test, vi } from "vitest";
import type { Hash } from "../chain.ts";
import { CompactTree, subtreesOf } from "../merkle.ts";
import { growingTree, LaneTree } from "./lane-tree.ts";
import { INITIAL_WORDS } from "./sha256-code.ts";
import { Sha256Lanes } from "./sha256-lanes.ts";

const sha256: Hash = (bytes) => oneShot("sha256", bytes, "buffer");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const opened = (): Sha256Lanes => Sha256Lanes.open() ?? expect.fail("this Node has no lanes");

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** Of each message by itself, from lanes that were asked for so many. */
function hashed(messages: readonly Uint8Array[], length: number): string[] {
  const lanes = opened();
  const slots = lanes.slots(messages.length, new Uint8Array(), length);
  const into = lanes.reserve((messages.length + 3) * 32);
  messages.forEach((message, i) => lanes.bytes.set(message, slots.at + i * slots.stride));
  lanes.hash(slots, messages.length, lanes.state(), into);
  return messages.map((_, i) => hex(lanes.bytes.subarray(into + i * 32, into + i * 32 + 32)));
}

test("four at a time are what the platform hashes one by one, at every length up to five blocks and in any number", () => {
  for (let length = 0; length <= 300; length++) {
    const messages = Array.from({ length: 1 + (length % 9) }, () => randomBytes(length));
    expect([length, ...hashed(messages, length)]).toEqual([length, ...messages.map((each) => hex(sha256(each)))]);
  }
});

test("bytes of all ones, all zeros and one bit are hashed as the platform does", () => {
  for (const length of [0, 1, 55, 56, 63, 64, 119, 120, 128]) {
    const messages = [0x00, 0xff, 0x80, 0x01].map((byte) => new Uint8Array(length).fill(byte));
    expect(hashed(messages, length)).toEqual(messages.map((each) => hex(sha256(each))));
  }
});

test("hashes that are asked for first leave nothing in those that come later", () => {
  const lanes = opened();
  const slots = lanes.slots(8, new Uint8Array(), 33);
  const [into, state] = [lanes.reserve(8 * 32), lanes.state()];
  for (const count of [8, 3, 5, 1]) {
    const messages = Array.from({ length: count }, () => randomBytes(33));
    messages.forEach((message, i) => lanes.bytes.set(message, slots.at + i * slots.stride));
    lanes.hash(slots, count, state, into);
    messages.forEach((message, i) =>
      expect(hex(lanes.bytes.subarray(into + i * 32, into + i * 32 + 32))).toBe(hex(sha256(message))),
    );
  }
});

test("a hash begins with the words of FIPS 180-4", () => {
  const words = INITIAL_WORDS.map((word) => (word >>> 0).toString(16).padStart(8, "0"));
  expect(words.join(" ")).toBe("6a09e667 bb67ae85 3c6ef372 a54ff53a 510e527f 9b05688c 1f83d9ab 5be0cd19");
});

const LEAVES = Array.from({ length: 1_100 }, (_, i) => sha256(Buffer.from(`entry ${i}`)));

/** Roots of a tree that is asked for one behind each of these sizes, or where `size` leaves were there before. */
function treeOf(from: number): { readonly lanes: LaneTree; readonly plain: CompactTree } {
  const edge: Uint8Array[] = [];
  const before = new CompactTree(sha256, (node, hash) => nodes.set(`${node.level}/${node.index}`, hash));
  const nodes = new Map<string, Uint8Array>();
  for (const leaf of LEAVES.slice(0, from)) before.push(leaf);
  for (const { level, index } of subtreesOf({ from: 0, to: from })) edge.push(nodes.get(`${level}/${index}`)!);
  return { lanes: new LaneTree(opened(), sha256, from, edge), plain: new CompactTree(sha256, undefined, from, edge) };
}

test("a tree by lanes has the roots of one that is grown leaf by leaf, wherever it begins and whenever it is asked", () => {
  for (const [from, steps] of [
    [0, [1]],
    [0, [3, 1, 7]],
    [1, [255, 1, 257]],
    [127, [256, 2]],
    [255, [129, 500]],
    [256, [512, 1]],
    [300, [999]],
  ] as const) {
    const { lanes, plain } = treeOf(from);
    expect(hex(lanes.root())).toBe(hex(plain.root()));
    for (let at = from, turn = 0; at < LEAVES.length; turn++) {
      const to = Math.min(LEAVES.length, at + (steps[turn % steps.length] ?? 1));
      for (; at < to; at++) [lanes, plain].forEach((tree) => tree.push(LEAVES[at]!));
      expect(lanes.size).toBe(plain.size);
      if (hex(lanes.root()) !== hex(plain.root())) expect.fail(`from ${from}, at ${at}`);
    }
  }
});

test("a tree that begins behind leaves whose hashes are not all there is refused", () => {
  expect(() => new LaneTree(opened(), sha256, 3, [LEAVES[0]!])).toThrow(/edge/);
});

test.each([
  ["there is no WebAssembly", undefined],
  ["it has no vectors", { validate: (): boolean => false }],
  [
    "a page may not compile",
    {
      validate: (): boolean => true,
      Module: class {
        constructor() {
          throw new EvalError("Refused to compile");
        }
      },
    },
  ],
])("where %s, a tree is grown leaf by leaf", async (_, api) => {
  vi.stubGlobal("WebAssembly", api);
  const fresh = await import("./lane-tree.ts");
  const tree = fresh.growingTree(sha256);
  expect(tree.constructor.name).toBe("CompactTree");
  for (const leaf of LEAVES.slice(0, 77)) tree.push(leaf);
  vi.unstubAllGlobals();
  const here = growingTree(sha256);
  expect(here).toBeInstanceOf(LaneTree);
  for (const leaf of LEAVES.slice(0, 77)) here.push(leaf);
  expect(hex(tree.root())).toBe(hex(here.root()));
});
