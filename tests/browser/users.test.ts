import { expect, test } from "vitest";
import { shot } from "./looks.ts";
import { dashboardTests } from "./started-dashboard.ts";

const USER = "user-17";
const CUSTOMER = "acme";
const dashboard = dashboardTests({
  before: async (world) => {
    for (const user of [USER, USER, "user-18"]) await call(user, world.url);
    await world.control("PUT", "/api/v1/plans/pro", { description: "who pays" });
    await world.recorded();
  },
});

async function call(user: string, url = dashboard.world.url): Promise<number> {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tollhouse-user": user, "x-tollhouse-customer": CUSTOMER },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hello" }] }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

test("a user is found by what it spent, put on a plan, limited and blocked until somebody unblocks it", async () => {
  // 404: the user is on no plan yet.
  const page = await dashboard.signedIn("admin", { at: "/users", expects: /404/ });
  await page
    .getByRole("row", { name: /user-17/ })
    .getByRole("cell", { name: "2", exact: true })
    .waitFor();
  await shot(page, "users");
  await page.getByRole("link", { name: USER }).click();
  await page.getByRole("heading", { level: 1, name: `User ${USER}` }).waitFor();

  await page.getByRole("button", { name: "Change plan" }).click();
  const plan = page.getByRole("dialog");
  await plan.getByRole("option", { name: "pro" }).waitFor({ state: "attached" });
  await plan.getByRole("combobox", { name: "Plan" }).selectOption("pro");
  await plan.getByRole("button", { name: "Change" }).click();
  await page.getByText("whatever its calls say").waitFor();

  await page.getByRole("button", { name: "Create a limit" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Amount" }).fill("3.00");
  await page.getByRole("dialog").getByRole("button", { name: "Create" }).click();
  await page.getByRole("row", { name: /\$3\.00 each month/ }).waitFor();

  await page.getByRole("button", { name: "Block", exact: true }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Why" }).fill("abuse");
  await page.getByRole("dialog").getByRole("combobox", { name: "It ends" }).selectOption("when somebody lifts it");
  await page.getByRole("dialog").getByRole("button", { name: "Block" }).click();
  await page.getByRole("row", { name: /abuse Bea Cole .*when somebody lifts it/ }).waitFor();
  expect(await call(USER)).toBe(403);
  expect(await call("user-18")).toBe(200);
  await shot(page, "user");
  await page.getByRole("button", { name: `Unblock user:${USER}` }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Unblock" }).click();
  await page.getByRole("row", { name: /abuse/ }).waitFor({ state: "detached" });
  expect(await call(USER)).toBe(200);
});

test("a user who has not called yet is taken off the plan that was chosen before", async () => {
  await dashboard.world.control("PUT", "/api/v1/users/early/plan", { plan: "pro" });
  const page = await dashboard.signedIn("admin", { at: "/users/early", expects: /404/ });
  await page.getByText("No call of this user yet").waitFor();
  await page.getByRole("button", { name: "Change plan" }).click();
  const plan = page.getByRole("dialog");
  await plan.getByRole("option", { name: "pro" }).waitFor({ state: "attached" });
  expect(await plan.getByRole("combobox", { name: "Plan" }).inputValue()).toBe("pro");
  await plan.getByRole("combobox", { name: "Plan" }).selectOption("none");
  await plan.getByRole("button", { name: "Change" }).click();
  await plan.waitFor({ state: "detached" });
  await expect(dashboard.world.control("GET", "/api/v1/users/early/plan")).rejects.toThrow(/404/);
});

test("a customer is found by what it spent, put on a plan and taken off it, and blocked", async () => {
  const page = await dashboard.signedIn("admin", { at: "/customers", expects: /404/ });
  await page.getByRole("link", { name: CUSTOMER }).click();
  await page.getByRole("heading", { level: 1, name: `Customer ${CUSTOMER}` }).waitFor();
  const plan = page.getByRole("region", { name: "Plan", exact: true });
  await plan.getByText("On none").waitFor();
  const put = async (name: string): Promise<void> => {
    await page.getByRole("button", { name: "Change plan" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("option", { name }).waitFor({ state: "attached" });
    await dialog.getByRole("combobox", { name: "Plan" }).selectOption(name);
    await dialog.getByRole("button", { name: "Change" }).click();
  };
  await put("pro");
  await plan.getByText("pro, whatever its calls say").waitFor();
  expect(await dashboard.world.control("GET", `/api/v1/customers/${CUSTOMER}/plan`)).toEqual({ plan: "pro" });
  await put("none");
  await plan.getByText("On none").waitFor();
  await page.getByRole("button", { name: "Block", exact: true }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Why" }).fill("unpaid");
  await page.getByRole("dialog").getByRole("button", { name: "Block" }).click();
  await page.getByRole("row", { name: /unpaid/ }).waitFor();
  expect(await call("user-18")).toBe(403);
  await shot(page, "customer");
  await page.getByRole("button", { name: `Unblock customer:${CUSTOMER}` }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Unblock" }).click();
  await page.getByRole("row", { name: /unpaid/ }).waitFor({ state: "detached" });
});

test("a user is forgotten only by typing its id, and not while something names it unless that goes too", async () => {
  const page = await dashboard.signedIn("admin", { at: "/users/user-18", expects: /409|404/ });
  await dashboard.world.control("POST", "/api/v1/blocks", { scope: "user:user-18", reason: "abuse" });
  await page.getByRole("button", { name: "Erase" }).click();
  const last = page.getByRole("dialog", { name: "Erase user-18?" });
  const erase = last.getByRole("button", { name: "Erase for good" });
  expect(await erase.isDisabled()).toBe(true);
  await last.getByRole("textbox", { name: "Type user-18 to confirm" }).fill("user-18");
  await erase.click();
  await last.getByRole("alert").getByText("USER_IN_USE").waitFor();
  await last.getByRole("checkbox", { name: /^Remove limits/ }).check();
  await erase.click();
  await page
    .getByRole("dialog")
    .getByText(/^Erased: entry \d+ of the ledger says so/)
    .waitFor();
});

test("who may only look finds no button that would be refused, and a user without calls is no error", async () => {
  const page = await dashboard.signedIn("viewer", { at: "/users/never-seen", expects: /404/ });
  await page.getByRole("heading", { name: "No call of this user yet" }).waitFor();
  expect(await page.getByRole("button", { name: /Block|Erase|Create|Change/ }).count()).toBe(0);
});
