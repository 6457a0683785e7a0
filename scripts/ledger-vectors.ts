// Writes packages/contract/vectors/ledger-verify.json: what every verifier of the ledger must accept and refuse. What is expected
// stands in scripts/ledger-cases by hand; nothing in it is the answer of one of them.
//   node --conditions=@tollhouse/source scripts/ledger-vectors.ts
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CompactTree, verifierKey } from "@tollhouse/ledger";
import { bodyCases } from "./ledger-cases/body-cases.ts";
import { exportCases } from "./ledger-cases/export-cases.ts";
import { noteCases, receiptCases, witnessCases } from "./ledger-cases/note-cases.ts";
import { consistencyCases, inclusionCases } from "./ledger-cases/proof-cases.ts";
import { hashes, hex, KEY, LENGTH, sha256, treeHash } from "./ledger-cases/sample-ledger.ts";
import { ROOT } from "./source-files.ts";

export const VECTORS_PATH = "packages/contract/vectors/ledger-verify.json";

function roots(): string[] {
  const tree = new CompactTree(sha256);
  for (const hash of hashes) tree.push(hash);
  if (hex(tree.root()) !== hex(treeHash(0, LENGTH))) throw new Error("the tree is not that of RFC 6962");
  return Array.from({ length: LENGTH + 1 }, (_, size) => hex(treeHash(0, size)));
}

export function ledgerVectors(): unknown {
  return {
    about:
      "What a verifier of docs/ledger-format.md accepts and refuses. Bytes in hex; notes, receipts and lines of exports as they are. `besides` is who is believed beside `key`: earlier keys of the ledger, witnesses, and how many of them are needed. Of a FAIL, `entries`, `checkpoints` and the words of the problem are free.",
    key: verifierKey(sha256, KEY),
    bodies: bodyCases(),
    tree: { entry_hashes: hashes.map(hex), roots: roots() },
    inclusion: inclusionCases(),
    consistency: consistencyCases(),
    notes: noteCases(),
    witnessed_notes: witnessCases(),
    receipts: receiptCases(),
    exports: exportCases(),
  };
}

if (process.argv[1] !== undefined && import.meta.filename === process.argv[1])
  writeFileSync(join(ROOT, VECTORS_PATH), `${JSON.stringify(ledgerVectors(), null, 1)}\n`);
