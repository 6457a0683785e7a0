import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { dashboardTests } from "./started-dashboard.ts";

const dashboard = dashboardTests();

/** More than any page here has; a focus that has not left by then never leaves. */
const STOPS_MAX = 400;

interface Stop {
  readonly name: string;
  readonly isSeen: boolean;
  readonly isOutside: boolean;
  readonly isInDialog: boolean;
}

/** Where the focus is: is it seen, and has it a name? As text: these files know no DOM. */
async function stopOf(page: Page): Promise<Stop> {
  return page.evaluate<Stop>(`(() => {
    const at = document.activeElement;
    if (at === null || at === document.body) return { name: "", isSeen: false, isOutside: true, isInDialog: false };
    const box = at.getBoundingClientRect();
    const label = at.labels?.[0]?.textContent ?? at.getAttribute("aria-labelledby")?.split(" ").map((id) => document.getElementById(id)?.textContent).join(" ");
    const name = at.getAttribute("aria-label") ?? label ?? at.getAttribute("title") ?? at.textContent ?? "";
    // A radio that is drawn by its label has no size of its own.
    const drawn = box.width > 0 && box.height > 0 ? box : (at.labels?.[0]?.getBoundingClientRect() ?? box);
    const isSeen = drawn.width > 0 && drawn.height > 0 && getComputedStyle(at).visibility === "visible";
    return { name: name.trim(), isSeen, isOutside: false, isInDialog: at.closest("[role=dialog]") !== null };
  })()`);
}

test("every page at the side is reached and left by keyboard, and each stop on it is seen and has a name", async () => {
  const page = await dashboard.signedIn("owner");
  const side = page.getByRole("navigation", { name: "Pages" });
  await side.getByRole("link").first().waitFor();
  const names = await side.getByRole("link").allTextContents();
  expect(names.length).toBeGreaterThan(8);
  const wrong: string[] = [];
  for (const name of names) {
    await side.getByRole("link", { name, exact: true }).press("Enter");
    await page.getByRole("heading", { level: 1 }).first().waitFor();
    await expect.poll(() => page.getByLabel(/^Loading/).count(), { timeout: 60_000 }).toBe(0);
    await page.locator("#page").focus();
    let stops = 0;
    for (; stops < STOPS_MAX; stops++) {
      await page.keyboard.press("Tab");
      const { name: stop, isSeen, isOutside } = await stopOf(page);
      if (isOutside) break;
      if (!isSeen || stop === "")
        wrong.push(`${name}: stop ${stops + 1} (${stop}) is ${isSeen ? "without a name" : "not seen"}`);
    }
    if (stops === STOPS_MAX) wrong.push(`${name}: the focus does not leave it`);
  }
  expect(wrong).toEqual([]);
});

test("the first stop skips to the page; a dialog keeps the focus, ends with Escape, and gives it back", async () => {
  const page = await dashboard.signedIn("owner", { at: "/keys" });
  const create = page.getByRole("button", { name: "Create a key" });
  await create.waitFor();
  await page.keyboard.press("Tab");
  expect((await stopOf(page)).name).toBe("Skip to the page");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  // Past the header: the first stop behind it is what the page is for.
  expect((await stopOf(page)).name).toBe("Create a key");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Create a key" });
  await dialog.waitFor();
  const left: string[] = [];
  for (let stop = 0; stop < 30; stop++) {
    await page.keyboard.press("Tab");
    const at = await stopOf(page);
    if (!at.isInDialog) left.push(`stop ${stop}: ${at.name}`);
  }
  expect(left).toEqual([]);
  // The field of models opens its list, which Escape closes first: which stop is the thirtieth must not decide.
  await dialog.getByRole("button", { name: "Cancel" }).focus();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  await expect.poll(async () => (await stopOf(page)).name, { timeout: 60_000 }).toBe("Create a key");
});
