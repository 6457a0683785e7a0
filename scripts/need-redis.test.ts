import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "./source-files.ts";

interface NeedRedis {
  readonly redisMissing: (env: NodeJS.ProcessEnv) => string | null;
  readonly needRedis: (env: NodeJS.ProcessEnv, say: (text: string) => void) => string | null;
}

let bin = "";
let needed: NeedRedis;

beforeAll(async () => {
  bin = await mkdtemp(join(tmpdir(), "th-need-redis-"));
  needed = (await import(pathToFileURL(join(ROOT, "scripts/need-redis.mjs")).href)) as NeedRedis;
});
afterAll(() => rm(bin, { recursive: true, force: true }));

async function program(name: string, text: string): Promise<void> {
  await writeFile(join(bin, name), `#!/bin/sh\n${text}\n`);
  await chmod(join(bin, name), 0o755);
}

test("without redis-server the answer says what to install; one that is too old is named; a new one will do", async () => {
  const env = { PATH: bin };
  expect(needed.redisMissing(env)).toMatch(/not on PATH.*install redis-server 7/);
  await program("redis-server", "echo 'Redis server v=6.2.14 sha=0'");
  expect(needed.redisMissing(env)).toMatch(/v=6\.2\.14.*install redis-server 7/);
  await program("redis-server", "echo 'Redis server v=10.0.1 sha=0'");
  expect(needed.redisMissing(env)).toBeNull();
  expect(needed.needRedis(env, () => undefined)).toBeNull();
});

test("an installation that brings nothing is told, and not taken for one", async () => {
  await rm(join(bin, "redis-server"), { force: true });
  await program("apt-get", "case $1 in install) echo 'no such package' >&2; exit 100;; esac");
  expect(needed.needRedis({ PATH: bin }, () => undefined)).toMatch(/not on PATH/);
});
