import { writeFileSync } from "node:fs";
import { Option, type Command } from "commander";
import type { Answer } from "../api/api.ts";
import type { Checkpoint } from "@tollhouse/contract/control-client";
import { atLeastOne, given, moment, whole } from "../arguments.ts";
import { CommandFailed } from "../exit-codes.ts";
import { filtersOf, withDimensions } from "../filters.ts";
import { exportToFile, exportToOutput, resumeFile } from "../ledger/export-file.ts";
import type { OfflineVerified } from "../ledger/offline.ts";
import { verifyOnline } from "../ledger/online.ts";
import { csvToFile, csvToOutput, parquetToFolder, type TableWanted } from "../ledger/table-file.ts";
import { verifiedLines, type Walk } from "../ledger/verified-lines.ts";
import { acting, type Run } from "../run.ts";
import { bodyOf } from "../streamed.ts";
import { count, time } from "../terminal/amounts.ts";
import { Progress } from "../terminal/progress.ts";
import { remark, say, type Terminal } from "../terminal/terminal.ts";
import type { Column } from "../terminal/table.ts";

interface VerifyOptions {
  readonly from: number;
  readonly to: number | "latest";
  readonly pin?: string;
  readonly key?: readonly string[];
  readonly witness?: readonly string[];
  readonly witnessesNeeded?: number;
  readonly deep?: true;
}

function one(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

function endOf(text: string): number | "latest" {
  return text === "latest" ? text : whole(text);
}

async function verifyFile(run: Run, file: string, { pin, ...options }: VerifyOptions): Promise<OfflineVerified | null> {
  // Only here: what verifies offline brings the whole format along.
  const { linesOf, openExport, readPin, readTrust, verifyLines } = await import("../ledger/offline.ts");
  const { isReceipt, showReceipt } = await import("../ledger/receipt.ts");
  const trust = readTrust({ ...options, key: options.key ?? [] });
  const opened = openExport(file);
  if (isReceipt(file)) {
    opened.destroy();
    if (pin !== undefined) throw new CommandFailed("usage", "--pin: a receipt has a checkpoint of its own");
    showReceipt(run, file, trust);
    return null;
  }
  const trusted = { trust, pin: pin === undefined ? null : readPin(pin, trust) };
  const progress = new Progress(run.terminal, "lines");
  try {
    return await verifyLines(linesOf(opened), trusted, (lines) => progress.at(lines, null));
  } finally {
    progress.end();
  }
}

/** Every entry, read out and checked here: nothing is believed but the public key. */
async function verifyRead(run: Run, { pin, ...options }: VerifyOptions): Promise<OfflineVerified> {
  const { linesOf, readPin, readTrust, verifyLines } = await import("../ledger/offline.ts");
  const trust = readTrust({ ...options, key: options.key ?? (await toldKeys(run)) });
  const progress = new Progress(run.terminal, "lines read and checked here");
  const lines = linesOf(await bodyOf(run, "exportLedger", { query: {} }, "application/x-ndjson"));
  try {
    return await verifyLines(lines, { trust, pin: pin === undefined ? null : readPin(pin, trust) }, (at) =>
      progress.at(at, null),
    );
  } finally {
    progress.end();
  }
}

async function toldKeys(run: Run): Promise<string[]> {
  const { key, earlier } = await run.api.call("getLedgerPublicKey", {});
  return [key, ...earlier];
}

async function verify(run: Run, file: string | undefined, options: VerifyOptions): Promise<void> {
  if (file !== undefined) {
    const found = await verifyFile(run, file, options);
    if (found === null) return;
    return judged(run, [{ where: file, found, by: "reader", isPinned: options.pin !== undefined }]);
  }
  if (options.witness !== undefined && options.deep !== true)
    throw new CommandFailed(
      "usage",
      "--witness: expected an export, a receipt or --deep, which read what witnesses signed",
    );
  const { readFileOf } = await import("../ledger/offline.ts");
  const pin = options.pin === undefined ? null : readFileOf("--pin", options.pin);
  const online = await verifyOnline(run, { from: options.from, to: options.to, pin });
  const isPinned = pin !== null;
  const walks: Walk[] = [
    { where: `${run.api.options.url}, by the server itself`, found: online, by: "server", isPinned },
  ];
  if (options.deep === true && online.result === "PASS") {
    const where = "every entry, here, with the public key";
    walks.push({ where, found: await verifyRead(run, options), by: "reader", isPinned });
  }
  judged(run, walks);
}

/** Of two walks the second counts, which saw what the first said. */
function judged(run: Run, walks: readonly Walk[]): void {
  const last = walks.at(-1)?.found;
  if (last === undefined) return;
  run.show(last, () => walks.flatMap((walk) => verifiedLines(run, walk)));
  if (last.result === "FAIL")
    throw new CommandFailed("no", `the ledger does not verify: ${last.problem ?? "it is not said why"}`);
}

function nightLines(run: Run, night: Answer<"getLedgerVerification">): string[] {
  if (night.looked_at === null || night.whole_at === null)
    return ["No night has passed since the chain began: `tollhouse ledger verify` looks now."];
  return [
    ...run.facts([
      ["looked at", `${time(night.looked_at)}; all of it: ${time(night.whole_at)}`],
      ["sound to", `entry ${count(night.verified_to)}`],
      ...(night.problem === null
        ? []
        : ([["problem", `sequence ${night.first_bad_sequence}: ${night.problem}`]] as const)),
    ]),
    night.result,
  ];
}

interface ExportOptions extends TableWanted {
  readonly from?: number;
  readonly to?: number;
  readonly format: "ndjson" | "csv" | "parquet";
  readonly out?: string;
  readonly resume?: true;
}

async function exported(run: Run, { from, to, format, out, resume, ...rest }: ExportOptions): Promise<void> {
  const { since, until, type } = rest;
  const wanted = given({ ...filtersOf(rest), since, until, type });
  if (format !== "ndjson") return exportedTable(run, { from, to, format, out, resume }, wanted);
  if (Object.keys(wanted).length > 0)
    throw new CommandFailed("usage", `--${Object.keys(wanted)[0]}: expected with --format csv or parquet`);
  if (out === undefined) return exportToOutput(run, given({ from, to }));
  if (resume !== true) {
    const bytes = await exportToFile(run, given({ from, to }), out);
    return run.show({ file: out, bytes }, () => [`Wrote ${count(bytes)} bytes to ${out}`]);
  }
  if (from !== undefined) throw new CommandFailed("usage", "--from and --resume: the file says where it stopped");
  const next = await resumeFile(run, given({ to }), out);
  run.show({ file: out, from: next }, () => [`Went on at sequence ${next} in ${out}`]);
}

type TableOptions = { readonly [O in "from" | "to" | "out" | "resume"]: ExportOptions[O] | undefined } & {
  readonly format: "csv" | "parquet";
};

async function exportedTable(
  run: Run,
  { from, to, format, out, resume }: TableOptions,
  wanted: TableWanted,
): Promise<void> {
  const range = given({ from, to });
  if (format === "csv" && out === undefined) return csvToOutput(run, range, wanted);
  if (out === undefined) throw new CommandFailed("usage", "--out: expected a folder for the Parquet files");
  if (format === "csv") {
    const began = await csvToFile(run, range, wanted, { file: out, resume: resume === true });
    return run.show({ file: out, from: began }, () => [`Wrote ${out}, from sequence ${began} on`]);
  }
  const files = await parquetToFolder(run, range, wanted, { folder: out, resume: resume === true });
  run.show({ folder: out, files }, () => [`Wrote ${files === 1 ? "1 file" : `${count(files)} files`} to ${out}`]);
}

const CHECKPOINT_COLUMNS: readonly Column<Checkpoint>[] = [
  { head: "SIZE", cell: ({ size }) => count(size), align: "right" },
  { head: "MADE AT", cell: ({ made_at }) => time(made_at) },
  { head: "ROOT", cell: ({ root }) => root, cutTo: 12 },
  { head: "WITNESSES", cell: ({ witnesses }) => count(witnesses.length), align: "right" },
  { head: "KEPT", cell: ({ first_of_month }) => (first_of_month ? "for ever" : ""), leaveOut: 1 },
];

/** To a file that is not there yet, or to standard output. */
function written(run: Run, text: string, out: string | undefined): void {
  if (out === undefined) return say(run.terminal, [text.replace(/\n$/, "")]);
  writeFileSync(out, text, { flag: "wx" });
  remark(run.terminal, `Wrote ${out}`);
}

function proofCommands(ledger: Command, terminal: Terminal): void {
  ledger
    .command("receipt <decision>")
    .description("proof that a call is in the chain, as a C2SP tlog-proof")
    .option("--out <file>", "into a file instead of standard output")
    .action(
      acting(terminal, async (run, id: string, { out }: { out?: string }) => {
        const receipt = await run.api.call("getReceipt", { params: { id } });
        if (run.json && out === undefined) return run.show(receipt, () => []);
        written(run, receipt.tlog_proof, out);
      }),
    );
  ledger
    .command("checkpoints")
    .description("signed checkpoints, the newest first")
    .option("--limit <count>", "at most this many", whole, 20)
    .action(
      acting(terminal, async (run, { limit }: { limit: number }) => {
        const answer = await run.api.call("listCheckpoints", { query: { limit } });
        run.list(answer, answer.checkpoints, CHECKPOINT_COLUMNS, "No checkpoint yet.");
      }),
    );
  ledger
    .command("checkpoint")
    .description("the newest checkpoint: keep it elsewhere, it is the pin of a later verify")
    .option("--out <file>", "into a file instead of standard output")
    .action(
      acting(terminal, async (run, { out }: { out?: string }) => {
        const note = await run.api.call("getCheckpoint", {});
        if (run.json && out === undefined) return run.show({ note }, () => []);
        written(run, note, out);
      }),
    );
  ledger
    .command("consistency")
    .argument("<from>", "the size of the older checkpoint", whole)
    .argument("[to]", "the size of the newer one; else the newest", whole)
    .description("proof that nothing under an older checkpoint has changed")
    .action(
      acting(terminal, async (run, from: number, to: number | undefined) => {
        const proof = await run.api.call("getConsistency", { query: { from, ...given({ to }) } });
        run.show(proof, () => [
          ...run.facts([
            ["from", `${count(proof.from)}  ${proof.from_root}`],
            ["to", `${count(proof.to)}  ${proof.to_root}`],
          ]),
          ...proof.proof,
        ]);
      }),
    );
}

function exportCommand(ledger: Command, terminal: Terminal): void {
  const command = ledger
    .command("export")
    .description("entries with their bytes, and the checkpoints that cover them; or as a table")
    .option("--from <sequence>", "the first entry", whole)
    .option("--to <sequence>", "the last entry", whole)
    .addOption(
      new Option("--format <format>", "ndjson, for verifiers; csv and parquet, for people and their tools")
        .choices(["ndjson", "csv", "parquet"])
        .default("ndjson"),
    )
    .option("--out <file>", "into a file instead of standard output; of Parquet, into files of this folder")
    .option("--resume", "go on where the file, or the folder, stopped")
    .option("--since <time>", "in a table, only entries of this time and later", moment)
    .option("--until <time>", "in a table, only entries before this time", moment)
    .option("--type <types>", "in a table, only entries of this type, or these by comma", atLeastOne);
  withDimensions(command).action(acting(terminal, exported));
}

export function ledgerCommands(program: Command, terminal: Terminal): void {
  const ledger = program
    .command("ledger")
    .summary("verify the chain, take proofs, export")
    .description("the chain that everything is read from: verify it, take proofs");
  ledger
    .command("verify [file]")
    .description("is nothing changed, removed or inserted? Of the server; or offline, of an export or a receipt")
    .option("--from <sequence>", "the first entry", whole, 1)
    .option("--to <sequence>", "the last entry", endOf, "latest")
    .option("--pin <file>", "a checkpoint that was kept: shows that nothing was cut off the end")
    .option("--key <key>", "the ledger's public key, or a file with it; again for earlier ones (offline, --deep)", one)
    .option("--witness <key>", "a witness who must have cosigned, or a file with its key (offline, --deep)", one)
    .option("--witnesses-needed <count>", "how many of them; else all", whole)
    .option("--deep", "besides, read every entry and check it here, with the public key alone")
    .action(acting(terminal, verify));
  ledger
    .command("nightly")
    .description("what the verification of each night found last")
    .action(
      acting(terminal, async (run) => {
        const night = await run.api.call("getLedgerVerification", {});
        run.show(night, () => nightLines(run, night));
        if (night?.result === "FAIL") throw new CommandFailed("no", "the ledger does not verify");
      }),
    );
  exportCommand(ledger, terminal);
  proofCommands(ledger, terminal);
  ledger
    .command("public-key")
    .description("what checkpoints are verified with: keep it where nobody here can change it")
    .action(
      acting(terminal, async (run) => {
        const answer = await run.api.call("getLedgerPublicKey", {});
        run.show(answer, () => [answer.key, ...answer.earlier]);
      }),
    );
  ledger
    .command("rotate-key")
    .description("go on with the chain's next MAC key")
    .action(
      acting(terminal, async (run) => {
        await run.confirm("Go on with the next MAC key, for good?");
        const rotated = await run.api.call("rotateLedgerKey", {});
        run.show(rotated, () => [
          `MAC key ${rotated.previous_mac_key} → ${rotated.mac_key}, with entry ${rotated.sequence}`,
        ]);
      }),
    );
}
