import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { StartRefused } from "@tollhouse/store";
import { banner } from "./process/banner.ts";
import { configFile, loadSettings, SettingsError, type Settings } from "./settings.ts";
import { startTollhouse, type Tollhouse } from "./tollhouse.ts";

function readSettings(): Settings {
  const argv = process.argv.slice(2);
  const cwd = process.env["INIT_CWD"] ?? process.cwd();
  const { path, required } = configFile(argv);
  const file = resolve(cwd, path);
  const yamlText = required || existsSync(file) ? readFileSync(file, "utf8") : null;
  return loadSettings({ env: process.env, argv, yamlText, cwd });
}

async function main(): Promise<void> {
  const tollhouse = await startTollhouse(readSettings());
  process.stderr.write(banner(tollhouse));
  stopOnSignals(tollhouse);
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
