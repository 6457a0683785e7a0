import { expect, test } from "vitest";
import { shot } from "./looks.ts";
import { dashboardTests } from "./started-dashboard.ts";

// Where the money goes, and why a call was blocked: overview, explore, calls.

const dashboard = dashboardTests();

async function callAs(session: string): Promise<void> {
  const response = await fetch(`${dashboard.world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tollhouse-session": session, "x-tollhouse-team": "search" },
    body: JSON.stringify({ model: "gpt-4o", max_tokens: 20, messages: [{ role: "user", content: "Hi" }] }),
  });
  await response.text();
}

test("the overview says what was spent and what costs most; a call that ends while it is open stands in its feed", async () => {
  const page = await dashboard.signedIn("viewer");
  await page.getByText("Spent this month").waitFor();
  await page.getByRole("region", { name: "Budgets nearest their end" }).getByText("team search").waitFor();
  const feed = page.getByRole("region", { name: "Newest calls" });
  await feed.first().getByText("live", { exact: true }).waitFor();
  expect(await feed.getByText("gpt-4o", { exact: true }).count()).toBe(0);
  await callAs("live-1");
  await feed.getByRole("cell", { name: "gpt-4o", exact: true }).first().waitFor();
  await page.getByLabel("By", { exact: true }).selectOption("team");
  await page.getByRole("link", { name: "search", exact: true }).waitFor();
  expect(page.url()).toContain("by=team");
  await shot(page, "overview");
});

interface Forecasting {
  readonly forecast: { readonly cost: string; readonly per_day: string } | null;
}

test("the forecast goes by the last full day, and says so", async () => {
  const midnight = new Date().setUTCHours(0, 0, 0, 0);
  const record = await fetch(`${dashboard.world.url}/sdk/record`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      provider: "openai",
      model: "gpt-4o",
      timestamp: new Date(midnight - 1_000).toISOString(),
      usage: { prompt_tokens: 1_000_000, completion_tokens: 0, total_tokens: 1_000_000 },
    }),
  });
  expect(record.status, await record.text()).toBe(200);
  await dashboard.world.recorded();
  const { forecast } = await dashboard.world.control<Forecasting>("GET", "/api/v1/summary");
  const page = await dashboard.signedIn("viewer");
  await page.getByText(`the rest of it at $${Number(forecast?.per_day).toFixed(2)} a day, as the last`).waitFor();
  const shown = await page.getByText("Forecast for the month").locator("xpath=following-sibling::*[1]").textContent();
  // It falls from second to second, by less than a cent.
  expect(Math.abs(Number(shown?.replaceAll(/[$,]/g, "")) - Number(forecast?.cost))).toBeLessThan(0.5);
});

test("explore goes from a team into its parts, compares with the time before, and leads to the calls behind it", async () => {
  const page = await dashboard.signedIn("viewer", { at: "/explore?by=team" });
  await page.getByRole("button", { name: "search", exact: true }).click();
  await page.getByRole("button", { name: "Remove Team: search" }).waitFor();
  expect(await page.getByLabel("Spend by", { exact: true }).inputValue()).toBe("customer");
  await page.getByLabel("Spend by", { exact: true }).selectOption("model");
  await page.getByLabel("Compare with the time before").check();
  await page.getByRole("columnheader", { name: "Change" }).waitFor();
  await page.getByText("new", { exact: true }).first().waitFor();
  await shot(page, "explore");
  await page.getByRole("button", { name: "Save this view" }).click();
  await page.getByLabel("Name").fill("Search by model");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.goto(`${dashboard.world.url}/dashboard/explore`);
  await page.getByRole("button", { name: "Saved views" }).click();
  await page.getByRole("menuitem", { name: "Search by model" }).click();
  await page.getByRole("button", { name: "Remove Team: search" }).waitFor();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Export as CSV" }).click(),
  ]);
  expect(file.suggestedFilename()).toBe("usage.csv");
  await page.getByRole("link", { name: "The calls behind it" }).click();
  await page.getByRole("heading", { name: "Calls", level: 1 }).waitFor();
  await page.getByRole("button", { name: "Remove Team: search" }).waitFor();
});

test("a blocked call is found by how it ended, and its page says why and what to do", async () => {
  const page = await dashboard.signedIn("viewer", { at: "/calls" });
  await page.getByLabel("Why").waitFor();
  const reasons = await page.getByLabel("Why").getByRole("option").allTextContents();
  expect(reasons).toContain("Request limit exceeded");
  // Of requests to the control API, which are no calls.
  expect(reasons.filter((text) => /owner|sign|If-Match/i.test(text))).toEqual([]);
  await page.getByLabel("Ended").selectOption("blocked");
  await page.getByRole("cell", { name: "Request limit exceeded" }).first().waitFor();
  expect(page.url()).toContain("outcome=blocked");
  await shot(page, "calls");
  await page.getByRole("row").nth(1).getByRole("link").click();
  await page.getByRole("heading", { name: "Blocked call" }).waitFor();
  await page.getByText("REQUEST_LIMIT_EXCEEDED").waitFor();
  await page.getByRole("region", { name: "Limits that were looked at" }).first().getByText("decided").waitFor();
  await page.getByRole("row", { name: "9. All limits at once" }).getByText("blocked", { exact: true }).waitFor();
  await shot(page, "call-blocked");
});

test("a call that went through shows what was used, what it cost, and its place in the ledger", async () => {
  const page = await dashboard.signedIn("viewer", { at: "/calls?outcome=settled" });
  await page.getByRole("row").nth(1).getByRole("link").click();
  await page.getByRole("heading", { name: "Call", exact: true }).waitFor();
  await page.getByText("As the provider reported it.").waitFor();
  await page.getByRole("row", { name: /^Output tokens [\d,]+ \$[\d.]+ a million \$0\.\d+$/ }).waitFor();
  await page.getByText(/^It cost \$0\.\d+ in all, rounded once, by the row/).waitFor();
  await page.getByRole("table", { name: "Attempts at providers" }).getByText("HTTP 200").waitFor();
  await page.getByRole("button", { name: "Its receipt" }).click();
  await page.getByRole("button", { name: "Check it here" }).click();
  await page
    .getByRole("status")
    .getByText(/^Checked in this browser: the entry is number \d+ of the \d+/)
    .waitFor();
  await shot(page, "call");
});

test("texts that were kept of a call are read by whoever may, and by nobody else", async () => {
  const { world } = dashboard;
  await world.control("PUT", "/api/v1/payload-logging", { enabled: true });
  const record = {
    provider: "openai",
    model: "gpt-4o-mini",
    usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 },
    request: { messages: [{ role: "user", content: "Is this clause a penalty?" }] },
    response: { choices: [] },
  };
  const answer = await fetch(`${world.url}/sdk/log`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(record),
  });
  const { decision_id: decision } = (await answer.json()) as { decision_id: string };
  await world.recorded();
  const page = await dashboard.signedIn("admin", { at: `/calls/${decision}` });
  await page.getByRole("button", { name: "Show its texts" }).click();
  await page.getByLabel("What was asked", { exact: true }).getByText("Is this clause a penalty?").waitFor();
  const viewer = await dashboard.signedIn("viewer", { at: `/calls/${decision}` });
  await viewer.getByText("the client, which recorded it").waitFor();
  expect(await viewer.getByRole("button", { name: "Show its texts" }).count()).toBe(0);
});

test("what nothing matches says so, and the way back is a button", async () => {
  const page = await dashboard.signedIn("viewer", { at: "/calls?session=nobody" });
  await page.getByRole("heading", { name: "No such call" }).waitFor();
  await page.getByRole("button", { name: "Look at all calls" }).click();
  await page.getByRole("table").waitFor();
});
