import { expect, test } from "vitest";
import { dashboardTests } from "./started-dashboard.ts";

const dashboard = dashboardTests();

/** What is sent for the first page, scripts alone, as they are sent: pressed. */
const SCRIPT_BYTES_MAX = 300_000;
/** As text: these files know no DOM. */
const SCRIPTS_SENT = `performance.getEntriesByType("resource")
  .filter(({ name }) => new URL(name).pathname.endsWith(".js"))
  .map(({ encodedBodySize, decodedBodySize }) => [encodedBodySize, decodedBodySize])`;

test("the frame: pages by their names, the one that is open is marked, and nobody is kept out", async () => {
  const page = await dashboard.signedIn("owner");
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  const pages = page.getByRole("navigation", { name: "Pages" });
  expect(await pages.getByRole("link", { name: "Overview" }).getAttribute("aria-current")).toBe("page");
});

test("pages that stand below the edge of a low screen are announced by a bar to scroll with", async () => {
  const page = await dashboard.signedIn("owner");
  const pages = page.getByRole("navigation", { name: "Pages" });
  const bar = pages.locator('[data-orientation="vertical"]');
  await page.setViewportSize({ width: 1280, height: 900 });
  await pages.getByRole("link", { name: "Settings" }).waitFor();
  await bar.waitFor({ state: "hidden" });
  await page.setViewportSize({ width: 1280, height: 700 });
  await bar.waitFor();
});

test("the first page costs a newcomer at most 300 kB of scripts, pressed", async () => {
  const page = await dashboard.signedIn("owner");
  await page.getByText("Spent this month").waitFor();
  const scripts = await page.evaluate<[sent: number, read: number][]>(SCRIPTS_SENT);
  const [sent, read] = [0, 1].map((at) => scripts.reduce((sum, sizes) => sum + (sizes[at] ?? 0), 0)) as [
    number,
    number,
  ];
  expect(scripts.length).toBeGreaterThan(1);
  // Were they not pressed, the one would be the other.
  expect(sent).toBeLessThan(read / 2);
  expect(sent).toBeLessThanOrEqual(SCRIPT_BYTES_MAX);
});

test("an address that there is not says so, and leads back", async () => {
  const page = await dashboard.signedIn("viewer", { at: "/no/such/page" });
  await page.getByRole("heading", { level: 1, name: "There is no such page" }).waitFor();
  await page.getByRole("link", { name: "Go to the overview" }).click();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
});
