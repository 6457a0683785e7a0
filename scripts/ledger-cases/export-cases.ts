import { entryHash, genesisHash, type StoredEntry } from "@tollhouse/ledger";
import { SAMPLE_DEPLOYMENT, SAMPLE_TENANT, sampleChain } from "../../packages/ledger/src/sample-chain.ts";
import { chain, hashes, hex, hmac, KEY, noteOf, ORIGIN, patched, sha256, TENANT, treeHash } from "./sample-ledger.ts";
import { cosigned, ownKey, witnessWord, wordOf } from "./witnesses.ts";

type Signed = (size: number) => string;

/** Who is believed besides the ledger's key: words of keys. */
export interface Besides {
  readonly earlier?: readonly string[];
  readonly witnesses?: readonly string[];
  readonly needed?: number;
}

interface Answer {
  readonly result: "PASS" | "FAIL";
  readonly tail: "PROVEN" | "NOT PROVEN";
  readonly proven_to: number | null;
  /** null = no witnesses are asked for. */
  readonly witnessed_to: number | null;
  readonly first_bad_sequence: number | null;
  readonly entries?: number;
  readonly checkpoints?: number;
}

export function exportCases(): unknown {
  const genesis = genesisHash(sha256, SAMPLE_DEPLOYMENT, SAMPLE_TENANT);
  const line = (value: object): string => JSON.stringify(value);
  const entryLine = ({ sequence, body, entryHash: hash, mac }: StoredEntry): string =>
    line({
      sequence: Number(sequence),
      body: Buffer.from(body).toString("base64"),
      entry_hash: hex(hash),
      mac: hex(mac),
    });
  const head = (from: number, to: number, over: object = {}): string =>
    line({
      format: "tollhouse-ledger-export/v1",
      deployment: SAMPLE_DEPLOYMENT,
      tenant: TENANT,
      origin: ORIGIN,
      from,
      to,
      previous_hash: hex(hashes[from - 2] ?? genesis),
      edge: edgeOf(from - 1),
      ...over,
    });
  const end = (entries: number): string => line({ end: true, entries });
  const part = (from: number, to: number, entries = chain, signed: Signed = noteOf): string[] => [
    head(from, to),
    ...entries.slice(from - 1, to).flatMap((entry) => {
      const size = Number(entry.sequence);
      return [8, 13, 21].includes(size) ? [entryLine(entry), line({ checkpoint: signed(size) })] : [entryLine(entry)];
    }),
    end(to - from + 1),
  ];
  const whole = part(1, 21);
  const pass = (
    entries: number,
    checkpoints: number,
    provenTo: number | null = null,
    seen: number | null = null,
  ): Answer => ({
    result: "PASS",
    tail: provenTo === null ? "NOT PROVEN" : "PROVEN",
    proven_to: provenTo,
    witnessed_to: seen,
    entries,
    checkpoints,
    first_bad_sequence: null,
  });
  const fail = (sequence: number, seen: number | null = null): Answer => ({
    result: "FAIL",
    tail: "NOT PROVEN",
    proven_to: null,
    witnessed_to: seen,
    first_bad_sequence: sequence,
  });
  const at = (sequence: number): number => whole.findIndex((text) => text.startsWith(`{"sequence":${sequence},`));
  const with_ = (index: number, count: number, ...lines: string[]): string[] => whole.toSpliced(index, count, ...lines);
  const fifth = chain[4] as StoredEntry;
  const dearer = patched(fifth.body, 75, 1);
  const rebuilt = rebuild(dearer);
  const elsewhere = sampleChain(
    { sha256, hmac },
    5,
    Uint8Array.from({ length: 16 }, () => 9),
  );
  const keyOf = (size: number): number => (size < 13 ? 8 : 7);
  const changedKey = part(1, 21, chain, (size) => noteOf(size, undefined, ownKey(keyOf(size)), keyOf(size)));
  const seenBy = (...fills: [number, ...number[]]): string[] => part(1, 21, chain, (size) => cosigned(size, fills));
  const early = part(1, 21, chain, (size) => (size === 8 ? cosigned(size, [21]) : noteOf(size)));
  const [one, two] = [witnessWord(21), witnessWord(22)];
  const cases: readonly (readonly [
    name: string,
    lines: string[],
    answer: Answer,
    pin?: string | null,
    besides?: Besides,
  ])[] = [
    ["a whole chain", whole, pass(21, 3)],
    ["a whole chain with a pin of its end", whole, pass(21, 3, 21), noteOf(21)],
    ["a whole chain with an earlier pin, of which it has no checkpoint", whole, pass(21, 3, 5), noteOf(5)],
    ["a part of a chain", part(6, 21), pass(16, 3)],
    ["a part of a chain with a pin", part(6, 21), pass(16, 3, 13), noteOf(13)],
    ["parts that follow each other", [...part(1, 7), ...part(8, 21)], pass(21, 3)],
    ["an entry and its checkpoint", part(21, 21), pass(1, 1)],
    ["a part with nothing in it behind the whole", [...whole, head(22, 21), end(0)], pass(21, 3)],
    ["nothing", [], fail(1)],
    ["no first line", whole.slice(1), fail(1)],
    ["a broken line", with_(at(5), 1, whole[at(5)]?.slice(0, 50) as string), fail(5)],
    ["a deleted entry", with_(at(5), 1), fail(5)],
    ["two entries in each other's place", with_(at(5), 2, whole[at(6)] as string, whole[at(5)] as string), fail(5)],
    ["an entry twice", with_(at(5), 0, whole[at(4)] as string), fail(5)],
    ["a changed body", with_(at(5), 1, entryLine({ ...fifth, body: dearer })), fail(5)],
    [
      "a changed body and its hash",
      with_(
        at(5),
        1,
        entryLine({ ...fifth, body: dearer, entryHash: entryHash(sha256, hashes[3] as Uint8Array, dearer) }),
      ),
      fail(6),
    ],
    ["a chain rebuilt with a changed body", part(1, 21, rebuilt), fail(1)],
    [
      "a chain rebuilt, its checkpoints gone",
      part(1, 21, rebuilt).filter((text) => !text.includes("checkpoint")),
      fail(1),
    ],
    ["an entry of another tenant", with_(at(5), 1, entryLine(elsewhere[4] as StoredEntry)), fail(5)],
    ["a cut tail without a pin, ended at a checkpoint", part(1, 13), pass(13, 2)],
    ["a cut tail with a pin", part(1, 13), fail(14), noteOf(21)],
    ["a tail that no checkpoint covers", part(1, 20), fail(14)],
    ["no end line", whole.slice(0, -1), fail(22)],
    ["an end line with another count", with_(whole.length - 1, 1, end(20)), fail(22)],
    ["an entry behind the end", [...whole, whole[at(21)] as string], fail(22)],
    ["parts with a gap between them", [...part(1, 7), ...part(9, 21)], fail(8)],
    ["a part that begins within another", [head(1, 21), ...part(1, 21)], fail(1)],
    [
      "a checkpoint of another size than the entries before it",
      with_(at(9), 0, line({ checkpoint: noteOf(9) })),
      fail(9),
    ],
    ["a checkpoint with another root", with_(at(9), 0, line({ checkpoint: noteOf(8, treeHash(0, 7)) })), fail(9)],
    ["a checkpoint that nobody signed", with_(at(9), 0, line({ checkpoint: noteOf(8, undefined, KEY, 8) })), fail(9)],
    ["a pin with another root", whole, fail(1), noteOf(5, treeHash(0, 4))],
    ["a pin with another root behind a checkpoint", whole, fail(9), noteOf(9, treeHash(0, 4))],
    ["a pin of before the export", part(9, 21), fail(22), noteOf(8)],
    ["a line with a surplus field", with_(at(5), 1, whole[at(5)]?.replace("}", ',"more":1}') as string), fail(5)],
    ["an entry hash in capitals", with_(at(5), 1, upperHash(whole[at(5)] as string)), fail(5)],
    ["another format", with_(0, 1, head(1, 21, { format: "tollhouse-ledger-export/v2" })), fail(1)],
    ["another deployment", with_(0, 1, head(1, 21, { deployment: "other" })), fail(1)],
    ["an origin that is not its own", with_(0, 1, head(1, 21, { origin: "other" })), fail(1)],
    ["another genesis hash", with_(0, 1, head(1, 21, { previous_hash: "00".repeat(32) })), fail(1)],
    ["an edge that is too long", with_(0, 1, head(1, 21, { edge: ["00".repeat(32)] })), fail(1)],
    ["a changed signing key, the earlier one known", changedKey, pass(21, 3), null, { earlier: [wordOf(8)] }],
    ["a changed signing key, the earlier one not known", changedKey, fail(9)],
    ["cosigned by the witness", seenBy(21), pass(21, 3, null, 21), null, { witnesses: [one] }],
    [
      "cosigned by one of two, where one is needed",
      seenBy(22),
      pass(21, 3, null, 21),
      null,
      { witnesses: [one, two], needed: 1 },
    ],
    ["cosigned by one of two, where both are needed", seenBy(22), fail(1, 0), null, { witnesses: [one, two] }],
    ["cosigned by both", seenBy(21, 22), pass(21, 3, null, 21), null, { witnesses: [one, two], needed: 2 }],
    ["cosigned by nobody", whole, fail(1, 0), null, { witnesses: [one] }],
    ["its end not cosigned", early, fail(9, 8), null, { witnesses: [one] }],
    ["its end not cosigned, but pinned", early, fail(9, 8), noteOf(21), { witnesses: [one] }],
    ["cosigned by somebody else", seenBy(23), fail(1, 0), null, { witnesses: [one] }],
    ["one key of a witness under two names", seenBy(21, 121), fail(1, 0), null, { witnesses: [one, witnessWord(121)] }],
    ["another edge", [head(6, 21, { edge: edgeOf(5).toReversed() }), ...part(6, 21).slice(1)], fail(6)],
  ];
  // Most cases share most lines: each is written once.
  const lines = [...new Set(cases.flatMap(([, own]) => own))];
  const numbers = new Map(lines.map((text, number) => [text, number]));
  return {
    lines,
    cases: cases.map(([name, own, answer, pin = null, besides = {}]) => ({
      name,
      besides: { earlier: [], witnesses: [], needed: besides.witnesses?.length ?? 0, ...besides },
      lines: own.map((text) => numbers.get(text)),
      pin,
      answer,
    })),
  };
}

function upperHash(text: string): string {
  return text.replace(/"entry_hash":"([^"]+)"/, (_, hash: string) => `"entry_hash":"${hash.toUpperCase()}"`);
}

function edgeOf(size: number): string[] {
  const edge: string[] = [];
  for (let at = 0; at < size;) {
    let width = 1;
    while (width * 2 <= size - at) width *= 2;
    edge.push(hex(treeHash(at, at + width)));
    at += width;
  }
  return edge;
}

/** With another fifth entry: every hash follows, as somebody without the MAC and signing keys would make it. */
function rebuild(fifthBody: Uint8Array): StoredEntry[] {
  let previous = genesisHash(sha256, SAMPLE_DEPLOYMENT, SAMPLE_TENANT);
  return chain.map((entry) => {
    const body = entry.sequence === 5n ? fifthBody : entry.body;
    previous = entryHash(sha256, previous, body);
    return { ...entry, body, entryHash: previous };
  });
}
