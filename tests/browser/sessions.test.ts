import { expect, test } from "vitest";
import { shot } from "./looks.ts";
import { dashboardTests } from "./started-dashboard.ts";

const dashboard = dashboardTests({ env: { DEFAULT_BUDGET: "10.00" } });

async function call(session: string): Promise<number> {
  const answer = await fetch(`${dashboard.world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tollhouse-session": session },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hello" }] }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

test("a session is frozen and goes on again; a reset gives it its default budget once more", async () => {
  const page = await dashboard.signedIn("operator", { at: "/sessions" });
  const row = page.getByRole("row", { name: /run-1/ });
  await row.getByText("active").waitFor();
  await shot(page, "sessions");
  await row.getByRole("button", { name: "Actions for session run-1" }).click();
  await page.getByRole("menuitem", { name: "Freeze" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Why" }).fill("it loops");
  await page.getByRole("dialog").getByRole("button", { name: "Freeze" }).click();
  await row.getByText("frozen").waitFor();
  expect(await call("run-1")).toBe(403);

  await row.getByRole("link", { name: "run-1" }).click();
  await page.getByRole("heading", { level: 1, name: "Session run-1" }).waitFor();
  await page.getByText(/^it loops\. By/).waitFor();
  const budget = page.getByRole("row", { name: /the default of every session/ });
  expect(await budget.getByRole("progressbar").getAttribute("aria-label")).toMatch(
    /^budget: \$0\.0*[1-9]\d* of \$10\.00/,
  );
  await page.getByRole("row", { name: /gpt-4o-mini/ }).waitFor();
  expect(await page.getByRole("link", { name: "See its calls" }).getAttribute("href")).toBe(
    "/dashboard/calls?session=run-1",
  );
  await shot(page, "session");

  await page.getByRole("button", { name: "Unfreeze" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Unfreeze" }).click();
  await page.getByText("Its calls go through, as far as its budgets let them.").waitFor();
  expect(await call("run-1")).toBe(200);

  await page.getByRole("button", { name: "Reset its budget" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Reset" }).click();
  await budget.getByText("$0.00 of $10.00").waitFor();
});

test("a session without a default budget is offered no reset, which would be refused", async () => {
  const limit = { scope: "session:own-1", measure: "usd", amount: "5.00", window: "lifetime", mode: "hard" };
  await dashboard.world.control("POST", "/api/v1/limits", limit);
  expect(await call("own-1")).toBe(200);
  await dashboard.world.recorded();
  const page = await dashboard.signedIn("operator", { at: "/sessions" });
  await page.getByRole("button", { name: "Actions for session own-1" }).click();
  await page.getByRole("menuitem", { name: "Freeze" }).waitFor();
  expect(await page.getByRole("menuitem", { name: "Reset its budget" }).count()).toBe(0);
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "own-1" }).click();
  await page.getByText("a limit of its own").waitFor();
  await page.getByRole("button", { name: "Freeze" }).waitFor();
  expect(await page.getByRole("button", { name: "Reset its budget" }).count()).toBe(0);
});

test("any session is opened by its name; one that did nothing says so, and who may only look changes nothing", async () => {
  const page = await dashboard.signedIn("viewer", { at: "/sessions?hours=168" });
  await page.getByRole("row", { name: /broke/ }).waitFor();
  expect(await page.getByRole("button", { name: /^Actions/ }).count()).toBe(0);
  await page.getByRole("textbox", { name: "Session by its name" }).fill("never/seen");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Session never/seen" }).waitFor();
  await page.getByRole("heading", { name: "No call yet" }).waitFor();
  expect(await page.getByRole("button", { name: /freeze|reset/i }).count()).toBe(0);
});
