import { USAGE_CLASSES } from "@tollhouse/contract";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  BODY_HEADER_BYTES,
  decodeBody,
  encodeBody,
  encodeEntry,
  ENTRY_TYPES,
  ENTRY_USAGE_SOURCES,
  type Entry,
  type EntryType,
} from "./entry.ts";
import { decodeFields, encodeFields, type EntryFields, fieldOf, FIELDS } from "./fields.ts";
import { LedgerFormatError } from "./ledger-format-error.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const u64 = fc.bigInt(0n, (1n << 64n) - 1n);
const i64 = fc.bigInt(-(1n << 63n), (1n << 63n) - 1n);
const u32 = fc.nat(0xffffffff);
const text = fc.string({ unit: "grapheme", maxLength: 40 });
const shortText = fc.string({ unit: "binary-ascii", maxLength: 255 });

const anyEntry: fc.Arbitrary<Entry> = fc.record({
  type: fc.constantFrom(...(Object.keys(ENTRY_TYPES) as EntryType[])),
  flags: fc.nat(0xffff),
  tenant: bytes(16),
  sequence: u64,
  timeUs: u64,
  entryId: bytes(16),
  refId: bytes(16),
  amountNano: i64,
  currency: fc.constant("USD" as const),
  usageSource: fc.constantFrom(...ENTRY_USAGE_SOURCES),
  macKeyId: u32,
  fields: fc
    .uniqueArray(fc.tuple(fc.nat(0xffff), fc.uint8Array({ maxLength: 60 })), {
      selector: ([tag]) => tag,
      maxLength: 12,
    })
    .map((fields) => fields.toSorted(([a], [b]) => a - b)),
});

const anyFields: fc.Arbitrary<EntryFields> = fc.record(
  {
    environment: text,
    model: text,
    session: text,
    doubt: text,
    user: bytes(32),
    usage: fc.dictionary(fc.constantFrom(...USAGE_CLASSES), fc.maxSafeNat()),
    reserved: i64,
    status: u32,
    counters: fc.array(fc.record({ limitId: shortText, windowId: shortText, amount: i64 }), { maxLength: 8 }),
    blocked: fc.array(fc.record({ name: shortText, count: u32 }), { maxLength: 8 }),
    nextMac: bytes(32),
  },
  { requiredKeys: [] },
);

const plain: Entry = {
  type: "call_settled",
  flags: 0,
  tenant: new Uint8Array(16),
  sequence: 1n,
  timeUs: 1n,
  entryId: new Uint8Array(16),
  refId: new Uint8Array(16),
  amountNano: 0n,
  currency: "USD",
  usageSource: "none",
  macKeyId: 1,
  fields: [],
};

describe("the body", () => {
  test("every entry comes back as it was", () => {
    fc.assert(
      fc.property(anyEntry, (entry) => {
        expect(decodeBody(encodeBody(entry))).toEqual(entry);
      }),
    );
  });

  test("whatever bytes are accepted are the only bytes of that entry", () => {
    fc.assert(
      fc.property(anyEntry, fc.nat(), fc.nat(255), (entry, at, value) => {
        const body = encodeBody(entry);
        body[at % body.length] = value;
        const decoded = attempt(() => decodeBody(body));
        if (decoded !== null) expect(encodeBody(decoded)).toEqual(body);
      }),
      { numRuns: 3_000 },
    );
  });

  test("an entry that is decoded from inside a larger buffer is the same", () => {
    const body = encodeBody({ ...plain, fields: encodeFields({ status: 200, reserved: -5n }) });
    const larger = new Uint8Array(body.length + 20);
    larger.set(body, 7);
    const decoded = decodeBody(larger.subarray(7, 7 + body.length));
    expect(decodeFields(decoded.fields)).toEqual({ status: 200, reserved: -5n });
    expect(encodeBody(decoded)).toEqual(body);
  });

  test("every cut is refused", () => {
    const body = encodeBody({ ...plain, fields: encodeFields({ model: "m", status: 200 }) });
    for (let length = 0; length < body.length; length++)
      expect(() => decodeBody(body.subarray(0, length))).toThrow(LedgerFormatError);
  });

  test.each([
    ["version", 0, 2, /version: unknown: 2/],
    ["type 0", 1, 0, /type: unknown: 0/],
    ["type 11", 1, 11, /type: unknown: 11/],
    ["currency", 76, 0x45, /currency/],
    ["usage source", 79, 5, /usage source: unknown: 5/],
  ])("an unknown %s is refused by name", (_, at, value, message) => {
    const body = encodeBody(plain);
    body[at] = value;
    expect(() => decodeBody(body)).toThrow(message);
  });

  test("trailing bytes, duplicate tags and descending tags are refused by name", () => {
    const body = encodeBody({
      ...plain,
      fields: [
        [1, new Uint8Array(2)],
        [9, new Uint8Array(2)],
      ],
    });
    expect(() => decodeBody(Uint8Array.from([...body, 0]))).toThrow(/1 trailing bytes/);
    const second = BODY_HEADER_BYTES + 8;
    body[second + 1] = 1;
    expect(() => decodeBody(body)).toThrow(/tag 1: duplicate/);
    body[second + 1] = 0;
    expect(() => decodeBody(body)).toThrow(/tag 0: descending after 1/);
  });

  test.each([
    ["sequence", { sequence: 1n << 64n }],
    ["sequence", { sequence: -1n }],
    ["time", { timeUs: 1n << 64n }],
    ["amount", { amountNano: 1n << 63n }],
    ["amount", { amountNano: -(1n << 63n) - 1n }],
    ["flags", { flags: 0x10000 }],
    ["mac key id", { macKeyId: 1.5 }],
    ["tenant", { tenant: new Uint8Array(15) }],
    ["entry id", { entryId: new Uint8Array(17) }],
    ["ref id", { refId: new Uint8Array(0) }],
    ["type", { type: "toString" as EntryType }],
    [
      "tag 3",
      {
        fields: [
          [3, new Uint8Array()],
          [3, new Uint8Array()],
        ] as const,
      },
    ],
    [
      "tag 2",
      {
        fields: [
          [3, new Uint8Array()],
          [2, new Uint8Array()],
        ] as const,
      },
    ],
  ])("a %s that does not fit is never wrapped: it is refused by name", (field, over) => {
    expect(() => encodeBody({ ...plain, ...over })).toThrow(new RegExp(`^${field}: `));
  });
});

describe("fields", () => {
  test("tags are in use once, and every value comes back as it was", () => {
    const tags = Object.values(FIELDS).map(({ tag }) => tag);
    expect(new Set(tags).size).toBe(tags.length);
    fc.assert(
      fc.property(anyFields, (fields) => {
        expect(decodeFields(encodeFields(fields))).toEqual(fields);
      }),
    );
  });

  test("encoded fields fit a body: tags ascend", () => {
    fc.assert(
      fc.property(anyFields, (fields) => {
        const entry = { ...plain, fields: encodeFields(fields) };
        expect(decodeBody(encodeBody(entry)).fields).toEqual(entry.fields);
      }),
    );
  });

  test("an entry that is encoded in one pass has the bytes of its fields encoded one by one, after one that was refused too", () => {
    fc.assert(
      fc.property(anyEntry, anyFields, (entry, fields) => {
        const body = encodeEntry(entry, fields);
        expect(() => encodeEntry(entry, { ...fields, deployment: "", nextMacKeyId: -1 })).toThrow(
          /^nextMacKeyId\.number/,
        );
        expect(body).toEqual(encodeBody({ ...entry, fields: encodeFields(fields) }));
      }),
    );
  });

  test("bodies of every size stay as they are while more are encoded, also one that no block holds", () => {
    const sizes = [0, 10, 300_000, 5, 262_000, 40_000, 1_000_000, 3];
    const bodies = sizes.map((size) => encodeEntry(plain, { doubt: "é".repeat(size), model: "m".repeat(size) }));
    bodies.forEach((body, i) => {
      const { doubt = "", model = "", ...others } = decodeFields(decodeBody(body).fields);
      expect([doubt.length, model.length, doubt.replaceAll("é", ""), model.replaceAll("m", ""), others]).toEqual([
        sizes[i],
        sizes[i],
        "",
        "",
        {},
      ]);
    });
  });

  test("a body that is too long is refused", () => {
    expect(() => encodeEntry(plain, { doubt: "x".repeat(16 * 1024 * 1024) })).toThrow(/^body: longer/);
  });

  test("an explicit zero and an empty text are kept: zero is not missing", () => {
    const fields = { usage: { output: 0 }, session: "", counters: [] };
    expect(decodeFields(encodeFields(fields))).toEqual(fields);
    expect(decodeFields([])).toEqual({});
  });

  test("a tag of a later version is left alone", () => {
    expect(decodeFields([[60_000, Uint8Array.of(1)]])).toEqual({});
  });

  test("one field is read without the others", () => {
    const fields = encodeFields({ status: 429, model: "m" });
    expect([fieldOf(fields, "status"), fieldOf(fields, "model"), fieldOf(fields, "doubt")]).toEqual([
      429,
      "m",
      undefined,
    ]);
  });

  test("a lone surrogate, which a client can send, becomes U+FFFD instead of stopping the ledger", () => {
    expect(decodeFields(encodeFields({ model: "a\ud800b" }))).toEqual({ model: "a\ufffdb" });
  });

  test.each([
    ["usage.output", { usage: { output: 1.5 } }],
    ["usage.output", { usage: { output: -1 } }],
    ["usage.input", { usage: { input: Number.NaN } }],
    ["usage.input", { usage: { input: 2 ** 53 } }],
    ["usage.tokens", { usage: { tokens: 1 } as EntryFields["usage"] & object }],
    ["user.length", { user: new Uint8Array(31) }],
    ["status.number", { status: -1 }],
    ["reserved.number", { reserved: 1n << 63n }],
    ["counters.limit id", { counters: [{ limitId: "x".repeat(256), windowId: "", amount: 0n }] }],
  ])("%s that does not fit is refused by name", (field, fields) => {
    expect(() => encodeFields(fields)).toThrow(new RegExp(`^${field.replace(".", "\\.")}: `));
  });

  test.each([
    ["usage.class", "usage", [99, 0, 0, 0, 0, 0, 0, 0, 1]],
    ["usage.input", "usage", [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
    ["usage.input", "usage", [0, 255, 0, 0, 0, 0, 0, 0, 1]],
    ["usage.length", "usage", [0]],
    ["model.text", "model", [0xff]],
    ["status.length", "status", [0, 0, 1]],
    ["counters.window id", "counters", [1, 65]],
    ["counters.number", "counters", [1, 65, 1, 66, 0]],
    ["blocked.number", "blocked", [1, 65, 0]],
  ] as const)("bytes that are no %s are refused by name", (field, name, raw) => {
    const fields = [[FIELDS[name].tag, Uint8Array.from(raw)]] as const;
    expect(() => decodeFields(fields)).toThrow(new RegExp(`^${field.replace(".", "\\.")}: `));
  });
});

function attempt<T>(work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    expect(error).toBeInstanceOf(LedgerFormatError);
    return null;
  }
}
