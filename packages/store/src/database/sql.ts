import { readFileSync } from "node:fs";

// The same depth below the package in src/ and in dist/, so one relative path serves both.
const FOLDER = new URL("../../sql/", import.meta.url);
const NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const loaded = new Map<string, string>();
const names = new Map<string, string>();

/**
 * Text of the statement in `sql/<name>.sql` (one statement a file). Read once a process, at first use; the read is a few
 * microseconds and synchronous, so that a module can bind its statements to constants. Throws when there is no such file.
 */
export function sql(name: string): string {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  if (!NAME.test(name)) throw new Error(`sql("${name}"): expected a kebab-case name of a file in packages/store/sql`);
  const text = readFileSync(new URL(`${name}.sql`, FOLDER), "utf8").trim();
  if (text === "") throw new Error(`sql("${name}"): the file is empty`);
  loaded.set(name, text);
  names.set(text, name);
  return text;
}

/** The name of a statement that `sql` has loaded, under which a connection can prepare it; undefined for any other text. */
export function statementName(text: string): string | undefined {
  return names.get(text);
}
