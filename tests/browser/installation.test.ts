import { expect, test } from "vitest";
import { shot } from "./looks.ts";
import { dashboardTests, PASSWORD } from "./started-dashboard.ts";

const dashboard = dashboardTests();

test("the system says what it runs on and that all is well, in the words of doctor", async () => {
  const page = await dashboard.signedIn("owner", { at: "/system" });
  await page.getByRole("status").filter({ hasText: "All is well" }).waitFor();
  const checks = page.getByRole("region", { name: "Checks" });
  await checks
    .getByRole("row", { name: /overspend/ })
    .getByText("nothing was ever admitted beyond a hard limit")
    .waitFor();
  await shot(page, "system");
});

test("prices are found by a part of the model's name, which stands in the address", async () => {
  const page = await dashboard.signedIn("viewer", { at: "/prices" });
  await page.getByRole("button", { name: "Show more" }).waitFor();
  await page.setViewportSize({ width: 1440, height: 900 });
  // As text: these files know no DOM.
  const past = `(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector("section[aria-label=Prices]"))`;
  expect(await page.evaluate<number>(past), "how far the last column is past the edge").toBe(0);
  await page.getByLabel("Model").fill("gpt-4o-mini");
  await page.waitForURL(/model=gpt-4o-mini/);
  const row = page
    .getByRole("row")
    .filter({ has: page.getByText("gpt-4o-mini", { exact: true }) })
    .first();
  await row.getByText("$0.15", { exact: true }).first().waitFor();
  await row.getByText("$0.60", { exact: true }).first().waitFor();
  await shot(page, "prices");
  await row.getByRole("button", { name: /^All prices of/ }).click();
  const details = page.getByRole("dialog", { name: "gpt-4o-mini at openai" });
  await details
    .getByRole("row", { name: /cached input/ })
    .getByText("$0.075")
    .waitFor();
  await shot(page, "prices-details");
});

test("somebody is invited, chooses a password by the link, gets another role, and is kept out at once", async () => {
  const page = await dashboard.signedIn("owner", { at: "/members" });
  await page.getByRole("button", { name: "Invite somebody" }).click();
  await page.getByLabel("Name").fill("Finn Gray");
  await page.getByLabel("E-mail").fill("finn@example.com");
  await page.getByRole("radio", { name: "operator" }).check();
  await page.getByRole("button", { name: "Invite", exact: true }).click();
  const link = (await page.getByLabel("Invitation", { exact: true }).textContent()) ?? "";
  await shot(page, "members-invitation");
  await page.getByRole("button", { name: "I have sent it" }).click();

  const finn = await dashboard.stranger({ at: link.slice(link.indexOf("/invitation")), expects: /401/ });
  await finn
    .getByLabel(/password/i)
    .first()
    .fill(PASSWORD);
  for (const field of await finn.getByLabel(/password|again/i).all())
    if ((await field.getAttribute("type")) === "password") await field.fill(PASSWORD);
  await finn.getByRole("button").last().click();
  await finn.getByRole("heading", { level: 1, name: "Overview" }).waitFor();

  await page.reload();
  const row = page.getByRole("row", { name: /Finn Gray/ });
  await row.getByText("active").waitFor();
  await page.getByRole("button", { name: "Change Finn Gray" }).click();
  await page.getByRole("menuitem", { name: "Name and role" }).click();
  await page.getByRole("radio", { name: "viewer" }).check();
  await page.getByRole("button", { name: "Save" }).click();
  await row.getByText("viewer").waitFor();
  await shot(page, "members");

  await page.getByRole("button", { name: "Change Finn Gray" }).click();
  await page.getByRole("menuitem", { name: "Keep out" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Keep out" }).click();
  await row.getByText("disabled").waitFor();
  await finn.goto(`${dashboard.world.url}/dashboard/keys`);
  await finn.getByRole("button", { name: "Sign in" }).waitFor();
});

test("settings: an environment, a provider key that is not shown again, an anomaly rule, texts that are kept", async () => {
  const page = await dashboard.signedIn("owner", { at: "/settings" });
  await page.getByRole("button", { name: "Add an environment" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("canary");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("link", { name: "canary" }).waitFor();

  await page.getByRole("button", { name: "Set a provider key" }).click();
  await page.getByRole("dialog").getByLabel("Provider").fill("openai");
  await page.getByRole("dialog").getByLabel(/^Key/).fill("sk-secret-of-ours-k3Qz");
  await page.getByRole("button", { name: "Set", exact: true }).click();
  await page.getByText("…k3Qz").waitFor();
  expect(await page.content()).not.toContain("sk-secret-of-ours");

  await page.getByRole("button", { name: "Add a rule" }).click();
  await page.getByRole("textbox", { name: "Calls" }).fill("5");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("cell", { name: /frozen for 10 minutes/ }).waitFor();

  await page.getByLabel("Keep texts in prod").check();
  await page.getByLabel("For how many days").fill("7");
  await page.getByRole("region", { name: "Texts of calls" }).getByRole("button", { name: "Save" }).click();
  await expect
    .poll(() => dashboard.world.control("GET", "/api/v1/payload-logging"))
    .toMatchObject({ enabled: true, retention_days: 7 });

  const details = page.getByRole("region", { name: "Details of calls" });
  await details.getByText("Kept for ever in prod").waitFor();
  await details.getByLabel("Keep them in prod").selectOption("for 12 months");
  await details.getByRole("button", { name: "Save" }).click();
  const last = page.getByRole("dialog", { name: "Keep details for 12 months only?" });
  expect(await last.getByRole("button", { name: "Remove what is older" }).isDisabled()).toBe(true);
  await last.getByLabel("Type prod to confirm").fill("prod");
  await last.getByRole("button", { name: "Remove what is older" }).click();
  await details.getByText("for 12 months behind the running one").waitFor();
  expect(await dashboard.world.control("GET", "/api/v1/retention")).toMatchObject({ detail_months: 12 });
  await shot(page, "settings");
});

test("who may not sees no page of it at the side, and a sentence where they come by the address", async () => {
  const page = await dashboard.signedIn("viewer", { at: "/system" });
  await page.getByText("This is about the whole installation").waitFor();
  await page.goto(`${dashboard.world.url}/dashboard/members`);
  await page.getByText("Members are for admins and owners").waitFor();
  const pages = page.getByRole("navigation", { name: "Pages" });
  expect(await pages.getByRole("link", { name: /System|Members/ }).count()).toBe(0);
});
