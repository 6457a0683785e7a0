import type { Browser, BrowserContext, Page } from "playwright-core";
import { startedBrowser } from "./chromium.ts";

const DESK = { width: 1280, height: 720 };
const AS_SOMEBODY = { reducedMotion: "reduce", locale: "en-US", timezoneId: "Europe/Berlin", viewport: DESK } as const;

/** One for all files of this process, which ends it. */
let browser: Promise<Browser> | undefined;
/** Nobody's. */
const idle: Page[] = [];

/**
 * A tab of a context of its own, in which nobody is signed in. Those that were given back are taken before a new one is made: the first page
 * of a new tab costs more than three seconds of CPU, most of it a process and scripts read anew, the next page a quarter of that.
 */
export async function takeTab(): Promise<Page> {
  const kept = idle.pop();
  if (kept !== undefined) return kept;
  browser ??= startedBrowser();
  const context = await (await browser).newContext(AS_SOMEBODY);
  context.setDefaultTimeout(60_000);
  return context.newPage();
}

/** Without anything of what was done in it; one that went to other sites, or of a test that failed, ends. */
export async function giveBack(page: Page, origin: string, isSound: boolean): Promise<void> {
  const context = page.context();
  if (!isSound || context.pages().length !== 1 || new URL(page.url()).origin !== origin) return context.close();
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await forget(page, context, origin);
  idle.push(page);
}

async function forget(page: Page, context: BrowserContext, origin: string): Promise<void> {
  await page.evaluate("localStorage.clear(); sessionStorage.clear()");
  // Of the same origin, and no page of ours: for about:blank Chromium takes another process.
  await page.goto(`${origin}/health`);
  await context.clearCookies();
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(DESK);
}
