import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { StartRefused } from "@tollhouse/store";
import { importLedger } from "./ledger/import-ledger.ts";
import { banner } from "./process/banner.ts";
import { configFile, loadSettings, SettingsError, type Settings } from "./settings.ts";
import { startTollhouse, type Tollhouse } from "./tollhouse.ts";

const IMPORT_FLAG = "--import-ledger";

function readSettings(argv: readonly string[]): Settings {
  const cwd = process.env["INIT_CWD"] ?? process.cwd();
  const { path, required } = configFile(argv);
  const file = resolve(cwd, path);
  const yamlText = required || existsSync(file) ? readFileSync(file, "utf8") : null;
  return loadSettings({ env: process.env, argv, yamlText, cwd });
}

async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  const at = argv.indexOf(IMPORT_FLAG);
  if (at >= 0) return takeIn(argv[at + 1], argv.toSpliced(at, 2));
  const tollhouse = await startTollhouse(readSettings(argv));
  process.stderr.write(banner(tollhouse));
  stopOnSignals(tollhouse);
}

/** Imports, and ends. */
async function takeIn(path: string | undefined, argv: readonly string[]): Promise<void> {
  if (path === undefined) throw new SettingsError([{ name: IMPORT_FLAG, problem: "expected the path of an export" }]);
  const { tenant, deployment, entries, checkpoints } = await importLedger(
    readSettings(argv),
    resolve(process.env["INIT_CWD"] ?? process.cwd(), path),
  );
  process.stdout.write(
    `Imported ${entries} entries and ${checkpoints} checkpoints of tenant ${tenant}, written by deployment ${deployment}.\n`,
  );
}

/** The first signal drains; a second one changes nothing: the spool is always written out. */
function stopOnSignals(tollhouse: Tollhouse): void {
  let stopping: Promise<void> | null = null;
  const stop = (): void => {
    stopping ??= tollhouse.stop().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  tollhouse.onDeath((reason) => fail(new Error(reason)));
}

/** A refusal to start is one clear line; a bug shows its stack. */
function fail(error: unknown): void {
  const known = error instanceof SettingsError || error instanceof StartRefused;
  const text = known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

main().catch(fail);
