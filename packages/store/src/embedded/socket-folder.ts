import { lstat, mkdir, mkdtemp, readdir, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { giveTo, type ClusterHome } from "./cluster-home.ts";
import { writeDurably } from "./durable-files.ts";
import type { RunUser } from "./run-user.ts";

/** `sun_path` is 108 bytes on Linux and 104 on macOS, its closing zero included. */
const SOCKET_PATH_BYTES_MAX = 103;
const PREFIX = "tollhouse-";

/**
 * An empty folder of mode 0700 for the server's socket: `run/` in the home, or, where that path is too long for a socket, a
 * new one below the system's temporary folder, named in `<home>/socket-dir`. Emptied first: a lock file beside a dead
 * server's socket would stop the new one whenever its pid is in use again.
 */
export async function socketFolder(home: ClusterHome, port: number, user: RunUser): Promise<string> {
  // The setting is a list: a comma or a quote in the path would end it early.
  const fits = Buffer.byteLength(join(home.run, `.s.PGSQL.${port}`)) <= SOCKET_PATH_BYTES_MAX && !/[,"]/.test(home.run);
  await rm(home.run, { recursive: true, force: true });
  await removeShortFolder(home);
  if (fits) {
    await mkdir(home.run, { mode: 0o700 });
    await giveTo(user, home.run);
    return home.run;
  }
  const short = await mkdtemp(join(await realpath(tmpdir()), PREFIX));
  await giveTo(user, short);
  await writeDurably(pointer(home), `${short}\n`, 0o644);
  return short;
}

/** After the server has stopped. */
export async function removeSocketFolder(home: ClusterHome): Promise<void> {
  await rm(home.run, { recursive: true, force: true });
  await removeShortFolder(home);
}

function pointer(home: ClusterHome): string {
  return join(home.path, "socket-dir");
}

/** Only what is plainly ours: a folder, by our name, with nothing in it but a socket and its lock file. */
async function removeShortFolder(home: ClusterHome): Promise<void> {
  const path = (await readFile(pointer(home), "utf8").catch(() => "")).trim();
  if (!basename(path).startsWith(PREFIX)) return;
  const found = await lstat(path).catch(() => null);
  const names = found?.isDirectory() === true ? await readdir(path) : ["?"];
  if (names.every((name) => name.startsWith(".s.PGSQL."))) await rm(path, { recursive: true, force: true });
  await rm(pointer(home), { force: true });
}
