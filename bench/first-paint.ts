import type { BrowserContext } from "playwright-core";
import { count, table } from "./table.ts";

export interface FirstPaintAsked {
  /** A browser that has never been here, but for the cookie. */
  readonly signedIn: () => Promise<BrowserContext>;
  readonly address: string;
  readonly rounds: number;
}

interface Seen {
  readonly firstMs: number;
  readonly largestMs: number;
  readonly scripts: number;
  readonly scriptBytes: number;
}

/** As text: these files know no DOM. The largest thing is told late, and only to those who listen. */
const LISTEN = `new PerformanceObserver((list) => { for (const entry of list.getEntries()) self.largestMs = entry.startTime; })
  .observe({ type: "largest-contentful-paint", buffered: true });`;
const LOOK = `(() => {
  const scripts = performance.getEntriesByType("resource").filter(({ name }) => new URL(name).pathname.endsWith(".js"));
  return {
    firstMs: performance.getEntriesByName("first-contentful-paint")[0].startTime,
    largestMs: self.largestMs,
    scripts: scripts.length,
    scriptBytes: scripts.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
  };
})()`;

/** From the address to the first and the largest thing seen, with nothing in the browser's cache; and what was sent for it. */
export async function measureFirstPaint({ signedIn, address, rounds }: FirstPaintAsked): Promise<void> {
  const seen: Seen[] = [];
  for (let round = 0; round < rounds; round++) {
    const context = await signedIn();
    await context.addInitScript(LISTEN);
    const page = await context.newPage();
    await page.goto(address);
    await page.getByRole("main").getByText(/\$/).first().waitFor();
    await page.waitForLoadState("load");
    seen.push(await page.evaluate<Seen>(LOOK));
    await context.close();
  }
  const row = (name: string, of: (one: Seen) => number): string[] => {
    const values = seen.map(of).toSorted((a, b) => a - b);
    return [name, ...[values[0], values[values.length >> 1], values.at(-1)].map((value) => count(value ?? Number.NaN))];
  };
  console.log(
    table(
      "First page, an empty cache",
      ["", "least", "median", "most"],
      [
        row("first contentful paint, ms", ({ firstMs }) => firstMs),
        row("largest contentful paint, ms", ({ largestMs }) => largestMs),
        row("scripts", ({ scripts }) => scripts),
        row("scripts as sent, bytes", ({ scriptBytes }) => scriptBytes),
      ],
    ),
  );
}
