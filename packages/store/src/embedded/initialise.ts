import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { StartRefused } from "../database/start-refused.ts";
import type { Binaries } from "./binaries.ts";
import { giveTo, type ClusterHome } from "./cluster-home.ts";
import { syncFolder } from "./durable-files.ts";
import { describeEnd, startChild } from "./server-process.ts";
import type { RunUser } from "./run-user.ts";

export const SUPERUSER = "tollhouse";

/**
 * Makes the cluster if there is none. It is made in a folder of another name, flushed (initdb does that last) and renamed:
 * whatever kills us on the way, there is a whole cluster or none. The name is new each time: an initdb that outlived its
 * killed parent cleans up *its path* when it fails, which must not be ours.
 */
export async function initialise(home: ClusterHome, binaries: Binaries, user: RunUser): Promise<void> {
  if (await hasCluster(home, user)) return;
  await removeDrafts(home);
  const draft = `${home.cluster}.init-${randomBytes(6).toString("hex")}`;
  await mkdir(draft, { mode: 0o700 });
  await giveTo(user, draft);
  await runInitdb(binaries, draft, user);
  await rename(draft, home.cluster);
  await syncFolder(home.path);
}

async function hasCluster(home: ClusterHome, user: RunUser): Promise<boolean> {
  const found = await stat(home.cluster).catch(() => null);
  if (found === null) return false;
  if (user.uid === -1 || found.uid === user.uid) return true;
  throw new StartRefused(
    "DATA_DIR_UNUSABLE",
    `${home.cluster} belongs to uid ${found.uid}, and the embedded database would run as uid ${user.uid}; start as the user who made it`,
  );
}

/** What killed first starts have left. An initdb may still be writing there; then it fails, and the next start removes the rest. */
async function removeDrafts(home: ClusterHome): Promise<void> {
  const prefix = `${basename(home.cluster)}.init-`;
  const drafts = (await readdir(home.path)).filter((name) => name.startsWith(prefix));
  await Promise.all(
    drafts.map((name) => rm(join(home.path, name), { recursive: true, force: true }).catch(() => undefined)),
  );
}

const INITDB_OPTIONS = [
  `--username=${SUPERUSER}`,
  // The socket's folder is 0700: who may reach the server may read its files. No TCP at all.
  "--auth-local=trust",
  "--auth-host=reject",
  "--encoding=UTF8",
  // PostgreSQL's own C.UTF-8: order of text does not depend on the machine's C library, so indexes outlive a move.
  "--locale-provider=builtin",
  "--builtin-locale=C.UTF-8",
  "--locale=C",
  "--data-checksums",
];

async function runInitdb(binaries: Binaries, draft: string, user: RunUser): Promise<void> {
  const child = startChild(binaries.initdb, [...INITDB_OPTIONS, "-D", draft], user, () => undefined);
  const end = await child.ended;
  if (end.code === 0) return;
  await rm(draft, { recursive: true, force: true }).catch(() => undefined);
  const said = child.lines.findLast((line) => /error|fatal|could not/i.test(line)) ?? child.lines.at(-1) ?? "";
  throw new StartRefused(
    "DATABASE_DID_NOT_START",
    `the embedded database could not be made (${describeEnd(end)}: ${said}); set DATABASE_URL to use a PostgreSQL server instead`,
  );
}
