import { execFileSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium, type Browser } from "playwright-core";

const ROOT = new URL("../..", import.meta.url);
/** Nothing but what is asked for: no first-run pages, updates or reports of its own. */
const FLAGS =
  "--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

/** The Chromium of this machine, headless. */
export async function startedBrowser(): Promise<Browser> {
  const found = (await import(pathToFileURL(fileURLToPath(new URL("scripts/need-chromium.mjs", ROOT))).href)) as {
    readonly chromiumPath: () => string | null;
    readonly chromiumMissing: () => string | null;
  };
  const executablePath = found.chromiumPath();
  if (executablePath === null) throw new Error(found.chromiumMissing() ?? "no browser");
  // As root Chromium has no sandbox to start in; the only pages are ours.
  return chromium.launch({ executablePath, args: [...FLAGS.split(" "), "--no-sandbox"] });
}

/** `npm test` builds before; whoever runs one file after a change has it built here, and no old one is tested in place of the new. */
export function buildIfOld(): void {
  const folder = fileURLToPath(new URL("apps/dashboard", ROOT));
  const built = statSync(join(folder, "dist/index.html"), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const source = join(folder, "src");
  const isOld = readdirSync(source, { recursive: true, encoding: "utf8" }).some((file) => {
    const stat = statSync(join(source, file));
    return stat.isFile() && stat.mtimeMs > built;
  });
  if (!isOld) return;
  const vite = fileURLToPath(new URL("node_modules/vite/bin/vite.js", ROOT));
  // vitest says "test", and of that vite makes a build for development: half as large again, and slower.
  const env = { ...process.env, NODE_ENV: "production" };
  execFileSync(process.execPath, [vite, "build", folder, "--logLevel", "error"], { stdio: "inherit", env });
}
