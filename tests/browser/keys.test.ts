import OpenAI from "openai";
import { expect, test } from "vitest";
import { shot } from "./looks.ts";
import { dashboardTests } from "./started-dashboard.ts";

const dashboard = dashboardTests();

test("a key is made with its bounds, shown once, used as its snippet says, given a new secret, and revoked", async () => {
  const page = await dashboard.signedIn("owner", { at: "/keys" });
  await page.getByRole("button", { name: "Create a key" }).click();
  const form = page.getByRole("dialog", { name: "Create a key" });
  await form.getByLabel("Name").fill("search backend");
  await form.getByRole("button", { name: "Add a dimension" }).click();
  await form.getByLabel("Dimension 1").selectOption("team");
  await form.getByLabel("Value of team").fill("search");
  await form.getByRole("combobox", { name: "Models" }).fill("gpt-4o*");
  await form.getByRole("combobox", { name: "Models" }).press("Enter");
  await form.getByLabel("Requests a minute").fill("600");
  await shot(page, "keys-create");
  await form.getByRole("button", { name: "Create", exact: true }).click();

  const made = page.getByRole("dialog", { name: "Key search backend" });
  const secret = (await made.getByLabel("The key", { exact: true }).textContent()) ?? "";
  expect(secret).toMatch(/^th_prod_/);
  await made.getByLabel("Use it with").selectOption("curl");
  expect(await made.getByLabel("curl", { exact: true }).textContent()).toContain(`authorization: Bearer ${secret}`);
  await shot(page, "keys-made");
  await made.getByRole("button", { name: "I have kept it" }).click();

  const row = page.getByRole("row", { name: /search backend/ });
  await row.getByText("team:search").waitFor();
  await row.getByText("600 requests a minute").waitFor();
  await row.getByText("models gpt-4o*").waitFor();
  expect(await statusOf(secret)).toBe(200);
  await shot(page, "keys");

  await page.getByRole("button", { name: "Change search backend" }).click();
  await page.getByRole("menuitem", { name: "New secret" }).click();
  await page.getByLabel("The secret of now stays valid for").selectOption("0");
  await page.getByRole("button", { name: "Rotate" }).click();
  const next = (await made.getByLabel("The key", { exact: true }).textContent()) ?? "";
  await made.getByRole("button", { name: "I have kept it" }).click();
  expect([next === secret, await statusOf(secret), await statusOf(next)]).toEqual([false, 401, 200]);

  await page.getByRole("button", { name: "Change search backend" }).click();
  await page.getByRole("menuitem", { name: "Revoke" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await row.getByText("revoked").waitFor();
  expect(await statusOf(next)).toBe(401);
});

test("what the server does not take stands at its field, and what is changed is what was asked", async () => {
  const page = await dashboard.signedIn("owner", { at: "/keys", expects: /400/ });
  await page.getByRole("button", { name: "Create a key" }).click();
  const form = page.getByRole("dialog", { name: "Create a key" });
  await form.getByRole("button", { name: "Create", exact: true }).click();
  await form.getByRole("textbox", { name: "Name" }).and(page.locator("[aria-invalid=true]")).waitFor();
  await form.getByLabel("Name").fill("nightly");
  await form.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByRole("button", { name: "I have kept it" }).click();

  await page.getByRole("button", { name: "Change nightly" }).click();
  await page.getByRole("menuitem", { name: "What it may do" }).click();
  const change = page.getByRole("dialog", { name: "Change nightly" });
  await change.getByLabel("read reports and settings").check();
  await change.getByLabel("only these").check();
  await change.getByLabel("session", { exact: true }).check();
  await change.getByLabel("Valid until").fill("2030-01-01T12:00");
  await change.getByRole("button", { name: "Save" }).click();
  await change.waitFor({ state: "hidden" });
  const { keys } = await dashboard.world.control<{ keys: readonly Record<string, unknown>[] }>("GET", "/api/v1/keys");
  expect(keys.find(({ name }) => name === "nightly")).toMatchObject({
    permissions: ["call", "read"],
    settable: ["session"],
    models: null,
    requests_per_minute: null,
    expires_at: "2030-01-01T11:00:00.000Z",
  });
});

test("who may only look is shown no button that would be refused", async () => {
  const page = await dashboard.signedIn("viewer", { at: "/keys" });
  await page.getByRole("button", { name: /^Use / }).first().waitFor();
  expect(await page.getByRole("button", { name: /^(Create|Change) / }).count()).toBe(0);
});

async function statusOf(key: string): Promise<number> {
  const client = new OpenAI({ apiKey: key, baseURL: `${dashboard.world.url}/v1`, maxRetries: 0 });
  const call = client.chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hello" }] });
  return call.then(
    () => 200,
    (error: unknown) => (error instanceof OpenAI.APIError ? Number(error.status) : 0),
  );
}
