import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import {
  ENTRY_FLAGS,
  LedgerFormatError,
  RECEIPT_START,
  verifyReceipt,
  type ProvenEntry,
  type Trust,
} from "@tollhouse/ledger";
import { CommandFailed } from "../exit-codes.ts";
import type { Run } from "../run.ts";
import { count, money, time } from "../terminal/amounts.ts";
import { styled } from "../terminal/terminal.ts";

const RECEIPT_BYTES_MAX = 32 * 1024 * 1024;
const NANO = 1_000_000_000n;

/** By how it starts; an export may be too large to be read whole. */
export function isReceipt(path: string): boolean {
  const file = openSync(path, "r");
  try {
    const start = Buffer.alloc(RECEIPT_START.length);
    return readSync(file, start) === start.length && start.toString() === RECEIPT_START;
  } finally {
    closeSync(file);
  }
}

/** Says what a receipt proves, with public keys alone. */
export function showReceipt(run: Run, path: string, trust: Trust): void {
  try {
    const proven = verifyReceipt(trust, readFileSync(path, "utf8").slice(0, RECEIPT_BYTES_MAX));
    const { entry, entryHash, coveredBy } = proven;
    const answer = {
      result: "PASS",
      sequence: Number(entry.sequence),
      decision: decisionOf(proven),
      entry_hash: Buffer.from(entryHash).toString("hex"),
      covered_by: coveredBy,
    };
    run.show(answer, () => lines(run, proven));
  } catch (error) {
    if (!(error instanceof LedgerFormatError)) throw error;
    run.show({ result: "FAIL", problem: error.message }, () => [
      ...run.facts([["problem", error.message]]),
      styled(run.terminal, ["red", "bold"], "FAIL"),
    ]);
    throw new CommandFailed("no", `the receipt proves nothing: ${error.message}`);
  }
}

function lines(run: Run, proven: ProvenEntry): string[] {
  const { entry, fields, coveredBy } = proven;
  const what = [entry.type.replaceAll("_", " "), fields.provider, fields.model, fields.reason];
  return [
    ...run.facts([
      ["decision", decisionOf(proven)],
      ["entry", `${count(String(entry.sequence))}, ${time(new Date(Number(entry.timeUs / 1000n)).toISOString())}`],
      ["what", what.filter((part) => part !== undefined).join(", ")],
      ["amount", (entry.flags & ENTRY_FLAGS.costUnknown) === 0 ? money(dollars(entry.amountNano)) : "not known"],
      ["covered by", `a checkpoint of ${count(coveredBy)} entries`],
    ]),
    styled(run.terminal, ["green", "bold"], "PASS"),
  ];
}

function decisionOf({ entry }: ProvenEntry): string {
  return `dec_${Buffer.from(entry.entryId).toString("hex")}`;
}

function dollars(nano: bigint): string {
  const size = nano < 0n ? -nano : nano;
  return `${nano < 0n ? "-" : ""}${size / NANO}.${String(size % NANO).padStart(9, "0")}`;
}
