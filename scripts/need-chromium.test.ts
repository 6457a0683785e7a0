import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "./source-files.ts";

interface NeedChromium {
  readonly chromiumPath: (env: NodeJS.ProcessEnv, places: readonly string[]) => string | null;
  readonly needChromium: (
    env: NodeJS.ProcessEnv,
    say: (text: string) => void,
    places: readonly string[],
  ) => string | null;
}

let bin = "";
let needed: NeedChromium;

beforeAll(async () => {
  bin = await mkdtemp(join(tmpdir(), "th-need-chromium-"));
  needed = (await import(pathToFileURL(join(ROOT, "scripts/need-chromium.mjs")).href)) as NeedChromium;
});
afterAll(() => rm(bin, { recursive: true, force: true }));

async function program(name: string, text = ""): Promise<string> {
  const path = join(bin, name);
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
  return path;
}

test("a browser is found on PATH by any of its names, and the one that is named goes before it", async () => {
  expect(needed.chromiumPath({ PATH: bin }, [])).toBeNull();
  const chrome = await program("google-chrome");
  expect(needed.chromiumPath({ PATH: `/nowhere:${bin}` }, [])).toBe(chrome);
  const chromium = await program("chromium");
  expect(needed.chromiumPath({ PATH: bin }, [])).toBe(chromium);
  expect(needed.chromiumPath({ PATH: bin, TOLLHOUSE_CHROMIUM: chrome }, [])).toBe(chrome);
});

test("one that is named and is no program is told by its setting, and no other is taken for it", async () => {
  await writeFile(join(bin, "no-program"), "");
  const env = { PATH: bin, TOLLHOUSE_CHROMIUM: join(bin, "no-program") };
  expect(needed.needChromium(env, () => undefined, [])).toMatch(/TOLLHOUSE_CHROMIUM is no program.*no-program/);
});

test("an installation that brings nothing is told with what apt said, and not taken for one", async () => {
  await rm(join(bin, "chromium"), { force: true });
  await rm(join(bin, "google-chrome"), { force: true });
  await program("apt-get", "case $1 in install) echo 'no such package' >&2; exit 100;; esac");
  expect(needed.needChromium({ PATH: bin }, () => undefined, [])).toMatch(/not on PATH: install Chromium/);
});
