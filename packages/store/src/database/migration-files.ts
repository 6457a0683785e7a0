import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";

export interface Migration {
  readonly version: number;
  /** The file's name without `.sql`: `0001_ledger`. */
  readonly name: string;
  readonly text: string;
  /** SHA-256 of the text, hex. */
  readonly checksum: string;
  /** Does it only add, so that a server that does not know it can go on? Its first line then is `-- expand`. */
  readonly expand: boolean;
}

const FOLDER = new URL("../../migrations/", import.meta.url);
const EXPAND = /^-- expand(\n|$)/;
const FILE = /^(\d{4})_[a-z0-9_]+\.sql$/;

/** The migrations of a folder in order. Throws for a file that is no migration, and for two of the same number. */
export async function readMigrations(folder: URL = FOLDER): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).toSorted();
  const migrations = await Promise.all(names.map((name) => readMigration(folder, name)));
  migrations.forEach((migration, index) => {
    const before = migrations[index - 1];
    if (before?.version === migration.version) {
      throw new Error(`migrations ${before.name} and ${migration.name} have the same number`);
    }
  });
  return migrations;
}

async function readMigration(folder: URL, file: string): Promise<Migration> {
  const number = FILE.exec(file)?.[1];
  if (number === undefined) throw new Error(`migration ${file}: expected a name like 0001_what_it_adds.sql`);
  // A checkout with CRLF line ends is the same migration.
  const text = (await readFile(new URL(file, folder), "utf8")).replaceAll("\r\n", "\n");
  const checksum = createHash("sha256").update(text).digest("hex");
  return { version: Number(number), name: file.slice(0, -".sql".length), text, checksum, expand: EXPAND.test(text) };
}
