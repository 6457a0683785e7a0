import { describe, expect, test } from "vitest";
import { readMigrations } from "./migration-files.ts";

// A rolling upgrade: the first process of a release migrates, and those of the release before run on beside it. So each migration says in
// its first line whether it only adds (`-- expand`) or not (`-- contract: why`), and one that says so is held to it here.

/** The release before knows no marks: its files are as they were. */
const FIRST_MARKED = 17;

/** Files that are `-- contract`: every process of the release before is stopped before the first of this one starts. */
const REVIEWED_CONTRACTS: readonly string[] = ["0017_usage_by_month", "0020_rollups_by_month"];

/** Statements that look like a change and are none for the release before, each with the reason. */
const REVIEWED_STATEMENTS: readonly { readonly in: string; readonly contains: string; readonly because: string }[] = [
  {
    in: "0032_retention",
    contains: "refuse_ledger_change()",
    because: "refuses what it refused before, but for the one function that the same file makes",
  },
];

/** What takes something away from whoever does not know of it, or refuses what they write. `name`: the table it is about. */
const CHANGES: readonly { readonly what: string; readonly pattern: RegExp }[] = [
  { what: "drops", pattern: /\bDROP\s+(?!DEFAULT\b|NOT\s+NULL\b)\w+/i },
  { what: "renames", pattern: /\bRENAME\b/i },
  { what: "changes a type", pattern: /\bALTER\s+(COLUMN\s+)?\w+\s+(SET\s+DATA\s+)?TYPE\b/i },
  { what: "forbids null", pattern: /\bSET\s+NOT\s+NULL\b/i },
  {
    what: "adds a column that must be given",
    pattern: /\bADD\s+(COLUMN\s+)?(?:(?!\bDEFAULT\b|,).)*\bNOT\s+NULL\b(?![^,]*\bDEFAULT\b)/is,
  },
  { what: "adds a constraint", pattern: /\bADD\s+(CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)\b/i },
  { what: "adds a unique index", pattern: /\bCREATE\s+UNIQUE\s+INDEX\b/i },
  { what: "takes a privilege", pattern: /\bREVOKE\b/i },
  { what: "takes rows", pattern: /^\s*(TRUNCATE|DELETE)\b/i },
  { what: "replaces", pattern: /\bCREATE\s+OR\s+REPLACE\b/i },
];

/** Statements without comments; the bodies of functions and texts are left out, for they run later. */
function statementsOf(text: string): string[] {
  const bare = text
    .replace(/--[^\n]*/g, "")
    .replace(/\$(\w*)\$[\s\S]*?\$\1\$/g, "''")
    .replace(/'(?:[^']|'')*'/g, "''");
  return bare
    .split(";")
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
}

function changesIn(text: string): string[] {
  const statements = statementsOf(text);
  const made = statements.flatMap((statement) => {
    const found = /^CREATE\s+(?:UNLOGGED\s+)?(?:TABLE|FUNCTION|VIEW)\s+(?:IF\s+NOT\s+EXISTS\s+)?([\w.]+)/i.exec(
      statement,
    );
    return found === null ? [] : [found[1] as string];
  });
  return statements.flatMap((statement) => {
    // What the file itself has made, nobody of the release before uses.
    if (
      made.some((name) => new RegExp(`\\b(TABLE|ON|FROM|FUNCTION|INTO)\\s+(ONLY\\s+)?${name}\\b`, "i").test(statement))
    )
      return [];
    if (/^CREATE\s+TABLE\b/i.test(statement)) return [];
    return CHANGES.filter(({ pattern }) => pattern.test(statement)).map(
      ({ what }) => `${what}: ${statement.slice(0, 80)}`,
    );
  });
}

const marked = (await readMigrations()).filter(({ version }) => version >= FIRST_MARKED);

test("every migration says whether the release before runs on what it leaves", () => {
  const unmarked = marked.filter(({ text }) => !/^-- (expand|contract: \S.*)\n/.test(text));
  expect(unmarked.map(({ name }) => name)).toEqual([]);
  const contracts = marked.filter(({ expand }) => !expand);
  expect(contracts.map(({ name }) => name)).toEqual(REVIEWED_CONTRACTS);
});

test("one that says it only adds, only adds", () => {
  const found = marked
    .filter(({ expand }) => expand)
    .flatMap(({ name, text }) => changesIn(text).map((change) => ({ name, change })))
    .filter(
      ({ name, change }) => !REVIEWED_STATEMENTS.some((known) => known.in === name && change.includes(known.contains)),
    );
  expect(found).toEqual([]);
});

describe("what changes is seen", () => {
  test.each([
    "DROP TABLE calls",
    "ALTER TABLE calls DROP COLUMN model",
    "ALTER TABLE calls RENAME COLUMN model TO name",
    "ALTER TABLE calls ALTER COLUMN cost TYPE numeric",
    "ALTER TABLE calls ALTER cost SET DATA TYPE numeric",
    "ALTER TABLE calls ALTER COLUMN cost SET NOT NULL",
    "ALTER TABLE calls ADD COLUMN node text NOT NULL",
    "ALTER TABLE calls ADD node text NOT NULL CHECK (node <> '')",
    "ALTER TABLE calls ADD COLUMN a int, ADD COLUMN b int NOT NULL",
    "ALTER TABLE calls ADD CONSTRAINT one UNIQUE (model)",
    "CREATE UNIQUE INDEX one ON calls (model)",
    "REVOKE SELECT ON calls FROM tollhouse_app",
    "DELETE FROM calls",
    "CREATE OR REPLACE FUNCTION guard() RETURNS void LANGUAGE sql AS $$ SELECT 1 $$",
  ])("%s", (statement) => {
    expect(changesIn(`-- expand\n${statement};\n`)).toHaveLength(1);
  });

  test.each([
    "ALTER TABLE calls ADD COLUMN node text",
    "ALTER TABLE calls ADD COLUMN node text NOT NULL DEFAULT ''",
    "ALTER TABLE calls ADD COLUMN node text DEFAULT '' NOT NULL",
    "ALTER TABLE calls ALTER COLUMN cost DROP NOT NULL",
    "CREATE INDEX by_node ON calls (model)",
    "CREATE TABLE nodes (id text NOT NULL); ALTER TABLE nodes ADD CONSTRAINT one UNIQUE (id); CREATE UNIQUE INDEX two ON nodes (id)",
    "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM calls; RETURN NULL; END $$",
    "COMMENT ON TABLE calls IS 'DROP TABLE calls;'",
    "SELECT 1 -- DROP TABLE calls",
  ])("and this is none: %s", (statement) => {
    expect(changesIn(`-- expand\n${statement};\n`)).toEqual([]);
  });
});
