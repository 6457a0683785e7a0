import { expect, test } from "vitest";
import { shot } from "./looks.ts";
import { dashboardTests } from "./started-dashboard.ts";

const dashboard = dashboardTests();

interface Limits {
  readonly limits: readonly { readonly id: string; readonly scope: string; readonly amount: string }[];
}

test("a limit is made, counted down, changed and deleted; what it was is told", async () => {
  const page = await dashboard.signedIn("admin", { at: "/limits", expects: /400/ });
  await page.getByRole("button", { name: "Create a limit" }).click();
  const form = page.getByRole("dialog", { name: "Create a limit" });
  await form.getByRole("combobox", { name: "For" }).selectOption("agent");
  await form.getByRole("textbox", { name: "Which agent" }).fill("writer");
  await form.getByRole("textbox", { name: "Amount" }).fill("a lot");
  await form.getByRole("button", { name: "Create" }).click();
  await form.getByText(/expected a decimal string/).waitFor();
  await form.getByRole("textbox", { name: "Amount" }).fill("5");
  await form.getByRole("button", { name: "Create" }).click();

  const row = page.getByRole("row", { name: /agent writer/ });
  await row.getByText("$5.00 each month (UTC)").waitFor();
  // It counts what its scope has used in the window already.
  expect(await row.getByRole("progressbar").getAttribute("aria-label")).toMatch(
    /^agent:writer: \$0\.\d*[1-9]\d* of \$5\.00/,
  );

  await row.getByRole("button", { name: /^Actions for agent:writer/ }).click();
  await page.getByRole("menuitem", { name: "Change", exact: true }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Amount" }).fill("7.50");
  await page.getByRole("dialog").getByRole("radio", { name: /soft/ }).check();
  await page.getByRole("dialog").getByRole("button", { name: "Change", exact: true }).click();
  await row.getByText("$7.50 each month (UTC)").waitFor();
  await row.getByText("soft").waitFor();

  await dashboard.world.recorded();
  await row.getByRole("button", { name: /^Actions for agent:writer/ }).click();
  await page.getByRole("menuitem", { name: "History" }).click();
  await page.getByRole("dialog").getByRole("cell", { name: "$5.00, hard" }).first().waitFor();
  await page.getByRole("dialog").getByRole("cell", { name: "$7.50, soft" }).waitFor();
  await page.keyboard.press("Escape");

  await row.getByRole("button", { name: /^Actions for agent:writer/ }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await row.waitFor({ state: "detached" });
});

test("what somebody else changed meanwhile is not overwritten", async () => {
  const { limits } = await dashboard.world.control<Limits>("GET", "/api/v1/limits?scope=team:search");
  const id = limits[0]?.id ?? "";
  const page = await dashboard.signedIn("admin", { at: "/limits?kind=team", expects: /409/ });
  await page.getByRole("button", { name: /^Actions for team:search/ }).click();
  await page.getByRole("menuitem", { name: "Change", exact: true }).click();
  await dashboard.world.control("PUT", `/api/v1/limits/${id}`, { amount: "30.00" });
  await page.getByRole("dialog").getByRole("textbox", { name: "Amount" }).fill("1.00");
  await page.getByRole("dialog").getByRole("button", { name: "Change", exact: true }).click();
  await page.getByRole("alert").getByText("Somebody else changed it").waitFor();
  const now = await dashboard.world.control<Limits>("GET", "/api/v1/limits?scope=team:search");
  expect(now.limits[0]?.amount).toBe("30.000000000");
});

test("on a phone nothing of a limit stands off the screen", async () => {
  const page = await dashboard.signedIn("viewer", { at: "/limits" });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole("button", { name: /^Actions for team:search/ }).waitFor();
  // As text: these files know no DOM.
  const past = await page.evaluate<number>(
    "(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('table').parentElement)",
  );
  expect(past).toBe(0);
});

test("which limits are shown stands in the address; who may only look changes nothing", async () => {
  const page = await dashboard.signedIn("viewer", { at: "/limits" });
  await page.getByRole("row", { name: /session broke/ }).waitFor();
  await shot(page, "limits");
  await page.getByRole("radiogroup", { name: "Measure" }).getByText("US dollars").click();
  await page.getByRole("row", { name: /session broke/ }).waitFor({ state: "detached" });
  expect(page.url()).toContain("measure=usd");
  expect(await page.getByRole("button", { name: "Create a limit" }).count()).toBe(0);
  await page.getByRole("button", { name: /^Actions for team:search/ }).click();
  await page.getByRole("menuitem", { name: "History" }).waitFor();
  expect(await page.getByRole("menuitem").count()).toBe(1);
});
