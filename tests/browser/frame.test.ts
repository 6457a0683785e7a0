import { expect, test } from "vitest";
import { shot } from "./looks.ts";
import { dashboardTests } from "./started-dashboard.ts";

const dashboard = dashboardTests();

test("the frame: pages by their names, the one that is open is marked, and nobody is kept out", async () => {
  const page = await dashboard.signedIn("owner");
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  const pages = page.getByRole("navigation", { name: "Pages" });
  expect(await pages.getByRole("link", { name: "Overview" }).getAttribute("aria-current")).toBe("page");
  await shot(page, "overview");
});

test("an address that there is not says so, and leads back", async () => {
  const page = await dashboard.signedIn("viewer", { at: "/no/such/page" });
  await page.getByRole("heading", { level: 1, name: "There is no such page" }).waitFor();
  await page.getByRole("link", { name: "Go to the overview" }).click();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
});
