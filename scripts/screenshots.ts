// Makes the pictures of README.md: of the demo, as whoever types `npm start -- --demo` sees it, in Chromium.
//   node --conditions=@tollhouse/source scripts/screenshots.ts
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { startedBrowser } from "../tests/browser/chromium.ts";

const FOLDER = fileURLToPath(new URL("../docs/images", import.meta.url));
/** What `npm start` runs. */
const SETUP = fileURLToPath(new URL("setup.mjs", import.meta.url));
const ADMIN_KEY = "th_admin_for_pictures_only";
/** As wide as README shows them, in pixels of their own: small files, and sharp enough. */
const SIZE = { width: 1_320, height: 800 };
const OWNER = { name: "Ada Bell", email: "ada@example.com", password: "correct horse battery staple" };

const PICTURES = [
  { name: "overview", path: "/", heading: "Overview" },
  { name: "limits", path: "/limits", heading: "Budgets & limits" },
];

async function main(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "tollhouse-pictures-"));
  const port = await freePort();
  const demo = spawn(process.execPath, [SETUP, "start", "--demo"], {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      ...process.env,
      TOLLHOUSE_PORT: String(port),
      TOLLHOUSE_DATA_DIR: dataDir,
      TOLLHOUSE_ADMIN_KEY: ADMIN_KEY,
    },
  });
  try {
    await said(demo, "Yours to try");
    await takeAll(`http://127.0.0.1:${port}`);
  } finally {
    demo.kill("SIGTERM");
    if (demo.exitCode === null) await once(demo, "exit");
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** What it says is shown meanwhile: the first start builds, which takes its time. */
async function said(demo: ChildProcess, words: string): Promise<void> {
  if (demo.stderr === null) throw new Error("the demo has nowhere to say anything");
  for await (const line of createInterface({ input: demo.stderr })) {
    process.stderr.write(`${line}\n`);
    if (line.includes(words)) return;
  }
  throw new Error("the demo ended before it was through");
}

async function takeAll(url: string): Promise<void> {
  const browser = await startedBrowser();
  try {
    const made = await fetch(`${url}/api/v1/members`, {
      method: "POST",
      headers: { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" },
      body: JSON.stringify({ ...OWNER, role: "owner" }),
    });
    if (!made.ok) throw new Error(`the owner was not made: ${made.status} ${await made.text()}`);
    const context = await browser.newContext({ viewport: SIZE, reducedMotion: "reduce", locale: "en-US" });
    const { email, password } = OWNER;
    await context.request.post(`${url}/api/sign-in/password`, { data: { email, password } });
    const page = await context.newPage();
    await mkdir(FOLDER, { recursive: true });
    for (const picture of PICTURES) await take(page, url, picture);
  } finally {
    await browser.close();
  }
}

async function take(page: Page, url: string, { name, path, heading }: (typeof PICTURES)[number]): Promise<void> {
  await page.goto(`${url}/dashboard${path}`);
  await page.getByRole("heading", { level: 1, name: heading }).waitFor();
  // Answers that fill the page, behind the one connection that stays open for what is new.
  await page.getByRole("main").getByText(/\$/).first().waitFor();
  await page.screenshot({ path: join(FOLDER, `${name}.png`), animations: "disabled" });
  process.stdout.write(`docs/images/${name}.png\n`);
}

await main();
