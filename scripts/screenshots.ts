// Makes the pictures of README.md: a Tollhouse of its own with calls of three teams through the provider simulator, seen in Chromium.
//   node --conditions=@tollhouse/source scripts/screenshots.ts
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import OpenAI from "openai";
import type { Page } from "playwright-core";
import { startedTollhouse, type StartedTollhouse } from "../packages/testkit/src/started-tollhouse.ts";
import { buildIfOld, startedBrowser } from "../tests/browser/chromium.ts";

const FOLDER = fileURLToPath(new URL("../docs/images", import.meta.url));
/** As wide as README shows them, in pixels of their own: small files, and sharp enough. */
const SIZE = { width: 1_320, height: 800 };
const OWNER = { name: "Ada Bell", email: "ada@example.com", password: "correct horse battery staple" };

const PICTURES = [
  { name: "overview", path: "/", heading: "Overview" },
  { name: "limits", path: "/limits", heading: "Budgets & limits" },
];

const TEAMS = ["search", "support", "research"];
const MODELS = ["gpt-4o-mini", "gpt-4o", "gpt-4.1-mini"];
const CALLS = 90;

async function main(): Promise<void> {
  buildIfOld();
  const world = await startedTollhouse();
  const browser = await startedBrowser();
  try {
    await makeCalls(world);
    await world.control("POST", "/api/v1/members", { ...OWNER, role: "owner" });
    const context = await browser.newContext({ viewport: SIZE, reducedMotion: "reduce", locale: "en-US" });
    await context.request.post(`${world.url}/api/sign-in/password`, { data: OWNER_SIGN_IN });
    const page = await context.newPage();
    await mkdir(FOLDER, { recursive: true });
    for (const picture of PICTURES) await take(page, world.url, picture);
  } finally {
    await browser.close();
    await world.stop();
  }
}

const OWNER_SIGN_IN = { email: OWNER.email, password: OWNER.password };

async function take(page: Page, url: string, { name, path, heading }: (typeof PICTURES)[number]): Promise<void> {
  await page.goto(`${url}/dashboard${path}`);
  await page.getByRole("heading", { level: 1, name: heading }).waitFor();
  // Answers that fill the page, behind the one connection that stays open for what is new.
  await page.getByRole("main").getByText(/\$/).first().waitFor();
  await page.screenshot({ path: join(FOLDER, `${name}.png`), animations: "disabled" });
  process.stdout.write(`docs/images/${name}.png\n`);
}

async function makeCalls(world: StartedTollhouse): Promise<void> {
  const limits = [
    { scope: "org", measure: "usd", amount: "0.60", window: "month", mode: "hard" },
    ...TEAMS.map((team, at) => ({
      scope: `team:${team}`,
      measure: "usd",
      amount: `0.0${at + 2}`,
      window: "month",
      mode: at === 2 ? "soft" : "hard",
    })),
    { scope: "agent:planner", measure: "requests", amount: "12", window: "lifetime", mode: "hard" },
  ];
  for (const limit of limits) await world.control("POST", "/api/v1/limits", limit);
  for (let n = 0; n < CALLS; n++) await call(world, n);
  await world.recorded();
}

async function call({ url }: StartedTollhouse, n: number): Promise<void> {
  const team = TEAMS[n % TEAMS.length] ?? "";
  const client = new OpenAI({
    apiKey: "unused",
    baseURL: `${url}/v1`,
    maxRetries: 0,
    defaultHeaders: {
      "x-tollhouse-session": `run-${n % 12}`,
      "x-tollhouse-team": team,
      "x-tollhouse-agent": n % 5 === 0 ? "planner" : "writer",
      "x-tollhouse-user": `user-${n % 7}@example.com`,
    },
  });
  const model = MODELS[n % 4 === 0 ? 1 : (n % 2) * 2] ?? "";
  const messages = [{ role: "user" as const, content: "Write a short note about toll roads. ".repeat(1 + (n % 6)) }];
  // Some are refused: their budget is spent, which is what the picture is to show.
  await client.chat.completions.create({ model, messages }).catch((error: unknown) => {
    if (!(error instanceof OpenAI.APIError)) throw error;
  });
}

await main();
