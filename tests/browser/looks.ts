import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import axe, { type AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { expect } from "vitest";

const FOLDER = fileURLToPath(new URL("../../.tollhouse/screenshots", import.meta.url));
const WIDTHS = [390, 1440];
/** axe takes longer than all else here: both widths and both schemes once; with full counts each by each. */
const ASKED = new Set(["390 light", "1440 dark"]);
const IS_LONG = process.env["TOLLHOUSE_LONG"] !== undefined;
const SCHEMES = ["light", "dark"] as const;

/** What axe finds that keeps somebody from using the page as it stands: `rule: where (why)`. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // Reading axe's source takes a page as long as asking it: once a page, not once a question.
  if (!(await page.evaluate<boolean>("'axe' in window"))) await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>('axe.run(document, { resultTypes: ["violations"] })');
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, help, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(" ")} (${help})`));
}

/**
 * Keeps `<name>-<width>-<scheme>.png` of the page on a phone and on a desk, light and dark, and holds it to what every page must be:
 * nothing serious for axe, and nothing that makes the page itself scroll sideways.
 */
export async function shot(page: Page, name: string): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  const wrong: string[] = [];
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: width < 600 ? 844 : 900 });
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      await page.locator(`html[data-mantine-color-scheme="${colorScheme}"]`).waitFor({ state: "attached" });
      await settled(page);
      await page.screenshot({ path: join(FOLDER, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      const isAsked = IS_LONG || ASKED.has(`${width} ${colorScheme}`);
      const found = [...(isAsked ? await seriousFindings(page) : []), ...(await sideways(page))];
      wrong.push(...found.map((what) => `${width} ${colorScheme}: ${what}`));
    }
  }
  expect(wrong, `what is wrong with ${name}`).toEqual([]);
}

/** Colours change over a tenth of a second, and what is half between two is no look of ours. */
async function settled(page: Page): Promise<void> {
  await page.evaluate("scrollTo(0, 0)");
  await page.evaluate("Promise.all(document.getAnimations().map(({ finished }) => finished.catch(() => undefined)))");
}

async function sideways(page: Page): Promise<string[]> {
  // As text: these files know no DOM.
  const past = await page.evaluate<number>(
    "document.documentElement.scrollWidth - document.documentElement.clientWidth",
  );
  return past > 0 ? [`the page is ${past} px wider than the screen`] : [];
}
