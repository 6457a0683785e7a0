import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

// The same depth below the package in src/ and in dist/, so one relative path serves both.
const FOLDER = new URL("../../../lua/", import.meta.url);

/** Which texts of packages/store/lua make a verb, in their order. */
const VERBS = {
  reserve: ["prelude", "amounts", "counters", "admit", "reserve"],
  extend: ["prelude", "amounts", "counters", "admit", "extend"],
  settle: ["prelude", "amounts", "counters", "settled", "ending", "settle"],
  release: ["prelude", "amounts", "counters", "settled", "ending", "release"],
  expire: ["prelude", "amounts", "counters", "settled", "ending", "expire"],
  confirmExpired: ["prelude", "confirm-expired"],
  keepAlive: ["prelude", "amounts", "counters", "keep-alive"],
  overdue: ["prelude", "overdue"],
  look: ["prelude", "amounts", "counters", "look"],
  adjust: ["prelude", "amounts", "settled", "adjust"],
  openTenant: ["open-tenant"],
} as const;

const REBUILD = {
  begin: ["rebuild-prelude", "rebuild-begin"],
  write: ["rebuild-prelude", "rebuild-write"],
  open: ["rebuild-prelude", "rebuild-open"],
} as const;

export type Verb = keyof typeof VERBS;

export interface Script {
  readonly text: string;
  /** What EVALSHA calls it by. */
  readonly sha: string;
}

/** The verbs of one epoch of one installation: both are part of their texts. */
export function verbScripts(installation: string, epoch: bigint): Readonly<Record<Verb, Script>> {
  return scriptsOf(VERBS, (text) =>
    text.replaceAll("@EPOCH@", String(epoch)).replaceAll("@INSTALLATION@", installation),
  );
}

export function rebuildScripts(epoch: bigint, attempt: string): Readonly<Record<keyof typeof REBUILD, Script>> {
  return scriptsOf(REBUILD, (text) => text.replaceAll("@EPOCH@", String(epoch)).replaceAll("@ATTEMPT@", attempt));
}

function scriptsOf<Name extends string>(
  parts: Readonly<Record<Name, readonly string[]>>,
  filled: (text: string) => string,
): Readonly<Record<Name, Script>> {
  const scripts = Object.entries<readonly string[]>(parts).map(([name, files]) => {
    const text = filled(files.map(read).join("\n"));
    return [name, { text, sha: createHash("sha1").update(text).digest("hex") }];
  });
  return Object.fromEntries(scripts) as Record<Name, Script>;
}

const files = new Map<string, string>();

function read(name: string): string {
  const known = files.get(name);
  if (known !== undefined) return known;
  const text = readFileSync(new URL(`${name}.lua`, FOLDER), "utf8");
  files.set(name, text);
  return text;
}
