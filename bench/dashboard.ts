import { setTimeout as delay } from "node:timers/promises";
import { OPERATIONS } from "@tollhouse/contract/control-client";
import type { Browser, BrowserContext, Page, Request } from "playwright-core";
import { startedBrowser } from "../tests/browser/chromium.ts";
import { filledFolder, MASTER_KEY } from "./dashboard-data.ts";
import { dashboardPages, type DashboardPage } from "./dashboard-pages.ts";
import { measureFirstPaint } from "./first-paint.ts";
import { startServer, type ServerUnderTest } from "./server-under-test.ts";
import { count, table } from "./table.ts";

export interface DashboardAsked {
  readonly entries: number;
  /** Filled if it is not yet; stays. */
  readonly folder: string;
  /** `apps/server/dist/main.js`. */
  readonly entry: string;
  readonly rounds: number;
  /** Only pages that are called so, in part, one or several with commas; "" = all. */
  readonly only: string;
  /** What time it is in the browser, and where a ledger that is filled ends; null = now. */
  readonly at: Date | null;
}

interface Answered {
  readonly operation: string;
  readonly ms: number;
  readonly path: string;
}

/** What one visit of a page asked the control API for. */
interface Visit {
  readonly address: string;
  /** From the first question to the last answer. */
  readonly dataMs: number;
  readonly answers: readonly Answered[];
  /** Status and address of what was not answered as it was asked. */
  readonly refused: readonly string[];
}

const OWNER = { name: "Ada Bell", email: "ada@example.com", password: "correct horse battery staple" };
/** So often for each round, and the first time, which meets a cold cache. */
const VISITS_A_ROUND = 4;
const DONE_MS_MAX = 120_000;
/** A page that asks nothing for so long has what it shows. */
const QUIET_MS = 250;

/** Every page of the built dashboard in Chromium, over an installation that has grown: what its data takes, and when it is first seen. */
export async function measureDashboard({ entries, folder, entry, rounds, only, at }: DashboardAsked): Promise<void> {
  const data = await filledFolder(folder, entries, at ?? new Date());
  const env = { TOLLHOUSE_MASTER_KEY: MASTER_KEY.toString("hex"), DEFAULT_BUDGET: "10.00" };
  const server = await startServer({ entry, dataDir: folder, upstreamPort: 9, env, isFree: true });
  console.log(`${count(data.entries)} entries; started in ${count(server.startedInMs)} ms`);
  const browser = await startedBrowser();
  try {
    await makeOwner(server);
    const url = `http://127.0.0.1:${server.port}`;
    const signedIn = (): Promise<BrowserContext> => signIn(browser, url, at);
    await measureFirstPaint({ signedIn, address: `${url}/dashboard/`, rounds });
    const isAsked = (name: string): boolean =>
      only.split(",").some((part) => name.toLowerCase().includes(part.trim().toLowerCase()));
    const pages = dashboardPages(data).filter(({ name }) => isAsked(name));
    await measurePages(await signedIn(), `${url}/dashboard`, pages, rounds);
  } finally {
    await browser.close();
    await server.stop();
  }
}

/** A folder that was measured before has its owner. */
async function makeOwner(server: ServerUnderTest): Promise<void> {
  await server.control("POST", "/api/v1/members", { ...OWNER, role: "owner" }).catch((error: unknown) => {
    if (!String(error).includes("409")) throw error;
  });
}

async function signIn(browser: Browser, url: string, at: Date | null): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1_440, height: 900 }, locale: "en-US" });
  if (at !== null) await context.addInitScript(moveClock, at.getTime() - Date.now());
  const { email, password } = OWNER;
  const answer = await context.request.post(`${url}/api/sign-in/password`, { data: { email, password } });
  if (!answer.ok()) throw new Error(`sign-in: ${answer.status()} ${await answer.text()}`);
  return context;
}

/** Runs in the page, before anything of it. What measures it goes on as it is. */
function moveClock(byMs: number): void {
  const now = Date.now;
  globalThis.Date = new Proxy(Date, {
    construct: (real, given) => Reflect.construct(real, given.length === 0 ? [now() + byMs] : given) as Date,
    get: (real, name) => (name === "now" ? () => now() + byMs : (Reflect.get(real, name) as unknown)),
  });
}

async function measurePages(
  context: BrowserContext,
  root: string,
  pages: readonly DashboardPage[],
  rounds: number,
): Promise<void> {
  const page = await context.newPage();
  const ofPages: string[][] = [];
  const ofOperations = new Map<string, number[]>();
  const refused: string[] = [];
  for (const asked of pages) {
    const visits = await visitAll(page, root, asked, 1 + rounds * VISITS_A_ROUND);
    const [first, ...others] = visits;
    process.stderr.write(`${asked.name}: ${visits.length} visits, ${worst(visits)}\n`);
    ofPages.push([
      asked.name,
      count(visits.length),
      ms(first?.dataMs),
      ...quantiles(others.map(({ dataMs }) => dataMs)),
      worst(visits),
    ]);
    refused.push(...visits.flatMap((one) => one.refused));
    for (const { operation, ms: taken } of visits.flatMap(({ answers }) => answers))
      ofOperations.set(operation, [...(ofOperations.get(operation) ?? []), taken]);
  }
  const rows = [...ofOperations].toSorted(([a], [b]) => (a < b ? -1 : 1));
  console.log(
    table("Data of each page, ms", ["page", "visits", "first", "p50", "p95", "max", "slowest request"], ofPages),
  );
  console.log(
    table(
      "The same by request, ms",
      ["operation", "asked", "p50", "p95", "max"],
      rows.map(([operation, taken]) => [operation, count(taken.length), ...quantiles(taken)]),
    ),
  );
  if (refused.length > 0) throw new Error(`refused: ${refused.slice(0, 10).join(", ")}`);
}

async function visitAll(page: Page, root: string, asked: DashboardPage, least: number): Promise<Visit[]> {
  const visits: Visit[] = [];
  const { addresses } = asked;
  for (let n = 0; n < Math.max(least, addresses.length); n++) {
    const address = addresses[n % addresses.length] ?? "/";
    visits.push(await visit(page, address, async () => void (await page.goto(`${root}${address}`))));
    const more = page.getByRole("button", { name: "Show more" });
    if (asked.isList === true && (await more.count()) > 0)
      visits.push(await visit(page, `${address}, the next page`, () => more.first().click()));
  }
  return visits;
}

/** Does what opens a page, waits until it asks for nothing more, and returns what it asked for. */
async function visit(page: Page, address: string, open: () => Promise<void>): Promise<Visit> {
  const asking = new Set<Request>();
  const answered: Request[] = [];
  const refused: string[] = [];
  let quietSince = performance.now();
  const isData = (request: Request): boolean => /^\/api\/(?!v1\/events)/.test(new URL(request.url()).pathname);
  const began = (request: Request): void => void (isData(request) && asking.add(request));
  const ended = (request: Request): void => {
    if (!asking.delete(request)) return;
    answered.push(request);
    quietSince = performance.now();
  };
  const failed = (request: Request): void => void asking.delete(request);
  page.on("request", began).on("requestfinished", ended).on("requestfailed", failed);
  try {
    await open();
    await page.getByRole("heading", { level: 1 }).first().waitFor({ timeout: DONE_MS_MAX });
    for (
      const deadline = performance.now() + DONE_MS_MAX;
      asking.size > 0 || performance.now() - quietSince < QUIET_MS;
      await delay(10)
    )
      if (performance.now() > deadline)
        throw new Error(`${address}: ${[...asking].map((request) => request.url()).join(", ")} not answered`);
    for (const request of answered) {
      const status = (await request.response())?.status() ?? 0;
      if (status >= 400) refused.push(`${status} ${request.url()}`);
    }
  } finally {
    page.off("request", began).off("requestfinished", ended).off("requestfailed", failed);
  }
  return { ...visitOf(address, answered), refused };
}

function visitOf(address: string, answered: readonly Request[]): Omit<Visit, "refused"> {
  const times = answered.map((request) => request.timing());
  const ends = times.map(({ startTime, responseEnd }) => startTime + responseEnd);
  return {
    address,
    dataMs: Math.max(0, ...ends) - Math.min(...times.map(({ startTime }) => startTime)),
    answers: answered.map((request, i) => {
      const { pathname, search } = new URL(request.url());
      const operation = operationOf(request.method(), pathname);
      return { operation, ms: times[i]?.responseEnd ?? Number.NaN, path: pathname + search };
    }),
  };
}

const PATHS = Object.entries(OPERATIONS).map(([name, { method, path }]) => ({
  name,
  method,
  pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`),
}));

function operationOf(method: string, path: string): string {
  return PATHS.find((one) => one.method === method && one.pattern.test(path))?.name ?? path;
}

/** Which question took longest, in which visit. */
function worst(visits: readonly Visit[]): string {
  const all = visits.flatMap(({ answers }) => answers).toSorted((a, b) => b.ms - a.ms);
  return all[0] === undefined ? "" : `${ms(all[0].ms)}: ${decodeURIComponent(all[0].path)}`;
}

function quantiles(values: readonly number[]): string[] {
  const sorted = values.toSorted((a, b) => a - b);
  return [0.5, 0.95, 1].map((part) => ms(sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)]));
}

function ms(value: number | undefined): string {
  return value === undefined ? "–" : count(value);
}
