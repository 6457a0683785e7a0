import { afterAll, expect, test } from "vitest";
import { faultProxy } from "../../packages/testkit/src/fault-proxy.ts";
import { TEST_ADMIN_KEY } from "../../packages/testkit/src/started-tollhouse.ts";
import { startedIdentityProvider } from "./identity-provider.ts";
import { shot } from "./looks.ts";
import { startedSamlProvider } from "./saml-provider.ts";
import { dashboardTests, PASSWORD } from "./started-dashboard.ts";

// From a new installation to a member's own password: what somebody meets who is not signed in.

const GRACE = { email: "grace@example.com", email_verified: true, name: "Grace Hopper", groups: ["others", "on call"] };
const SAM = { email: "sam@example.com", email_verified: true, name: "Sam", groups: ["finance"] };
/** The address that the identity provider sends people back to must be known before the server has its port. */
const target = { host: "127.0.0.1", port: 0 };
const front = await faultProxy(target);
const publicUrl = `http://127.0.0.1:${front.port}`;
const provider = await startedIdentityProvider(`${publicUrl}/api/sign-in/oidc/callback`, new Map([["grace", GRACE]]));
const saml = await startedSamlProvider(publicUrl, SAM);
const dashboard = dashboardTests({
  env: {
    ...saml.env,
    TOLLHOUSE_SAML_ROLES: "platform=owner, finance=viewer",
    TOLLHOUSE_SAML_NAME: "Example by SAML",
    TOLLHOUSE_PUBLIC_URL: publicUrl,
    TOLLHOUSE_OIDC_ISSUER: provider.issuer,
    TOLLHOUSE_OIDC_CLIENT_ID: provider.clientId,
    TOLLHOUSE_OIDC_CLIENT_SECRET: provider.clientSecret,
    TOLLHOUSE_OIDC_ROLES: "platform=owner, on call=operator",
    TOLLHOUSE_OIDC_NAME: "Example",
  },
  before: ({ url }) => {
    target.port = Number(new URL(url).port);
    return Promise.resolve();
  },
});
afterAll(async () => {
  provider.stop();
  saml.stop();
  await front.close();
});
const OWNER = { name: "Ada Bell", email: "ada@example.com" };
const NEW_PASSWORD = "another horse another staple";

test("whoever has the admin key becomes the owner, is told what is wrong where it is, and comes to the first call", async () => {
  const page = await dashboard.stranger({ expects: /40\d/ });
  await page.getByRole("heading", { name: "Set up Tollhouse" }).waitFor();
  await shot(page, "set-up");
  await page.getByLabel("Admin key").fill("th_admin_wrong");
  await page.getByLabel("Your name").fill(OWNER.name);
  await page.getByLabel("E-mail").fill(OWNER.email);
  await page.getByLabel(/^Password/).fill("short");
  await page.getByRole("button", { name: "Become the owner" }).click();
  await page.getByText("expected at least 12 characters").waitFor();
  await page.getByLabel(/^Password/).fill(PASSWORD);
  await page.getByRole("button", { name: "Become the owner" }).click();
  await page.getByRole("alert").getByText("ADMIN_KEY_REQUIRED").waitFor();
  await page.getByLabel("Admin key").fill(TEST_ADMIN_KEY);
  await page.getByRole("button", { name: "Become the owner" }).click();
  await page.getByRole("heading", { name: "No call has come through here yet" }).waitFor();
  await shot(page, "first-call");
});

test("a wrong password is refused in words; the right one leads to the page that was asked for; it can be changed", async () => {
  const page = await dashboard.stranger({ at: "/keys", expects: /40\d/ });
  await page.getByLabel("E-mail").fill(OWNER.email);
  await page.getByLabel(/^Password/).fill("not this one at all");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("SIGN_IN_FAILED").waitFor();
  await shot(page, "sign-in");
  await page.getByLabel(/^Password/).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Keys", level: 1 }).waitFor();
  await page.getByRole("button", { name: `Account: ${OWNER.name}` }).click();
  await page.getByRole("menuitem", { name: "Change your password" }).click();
  await page.getByLabel("Your password now").fill("not this one at all");
  await page.getByLabel("The new one").fill(NEW_PASSWORD);
  await page.getByRole("button", { name: "Change", exact: true }).click();
  await page.getByText("expected your password of now").waitFor();
  await page.getByLabel("Your password now").fill(PASSWORD);
  await page.getByRole("button", { name: "Change", exact: true }).click();
  await page.getByText("Your password is changed.").waitFor();
  await page.getByRole("button", { name: `Account: ${OWNER.name}` }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in to Tollhouse" }).waitFor();
});

test("a session that is ended elsewhere gives way to the sign-in, at the same address", async () => {
  const page = await dashboard.signedIn("admin", { at: "/calls", expects: /40\d/ });
  await page.getByRole("heading", { name: "Calls", level: 1 }).waitFor();
  const { members } = await dashboard.world.control<{ members: { id: string; role: string }[] }>(
    "GET",
    "/api/v1/members",
  );
  const { id } = members.find(({ role }) => role === "admin") ?? { id: "" };
  await dashboard.world.control("PUT", `/api/v1/members/${id}`, { disabled: true });
  await page.getByRole("link", { name: "Explore" }).click();
  await page.getByText("Your session has ended.").waitFor();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
});

test("single sign-on that was refused says why; an address that says anything else is not repeated", async () => {
  const page = await dashboard.stranger({ at: "/sign-in?reason=SIGN_IN_FAILED", expects: /401/ });
  await page.getByRole("alert").getByText("Check the e-mail address").waitFor();
  const other = await dashboard.stranger({ at: "/sign-in?reason=You%20won", expects: /401/ });
  await other.getByRole("alert").getByText("Single sign-on did not work").waitFor();
  const cut = await dashboard.stranger({ at: "/invitation" });
  await cut.getByRole("heading", { name: "This link is not whole" }).waitFor();
});

test("by the button of the identity provider somebody signs in there, and is back with the role of their group", async () => {
  // What the provider's own page would take from elsewhere is not asked for.
  const page = await dashboard.stranger({ expects: /401|fonts\.googleapis/ });
  await page.route("https://**", (route) => route.abort());
  await page.goto(`${publicUrl}/dashboard/limits`);
  await page.getByRole("link", { name: "Sign in with Example", exact: true }).click();
  await page.waitForURL(`${provider.issuer}/**`);
  await page.getByPlaceholder("Enter any login").fill("grace");
  await page.getByPlaceholder("and password").fill("x");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(({ href }) => href.startsWith(`${publicUrl}/dashboard`));
  await page.getByRole("button", { name: `Account: ${GRACE.name}` }).click();
  await page.getByText(`${GRACE.email}, operator`).waitFor();
  // An operator stops what runs away, and makes no limits.
  await page.goto(`${publicUrl}/dashboard/kill-switch`);
  await page.getByRole("button", { name: "Stop traffic" }).first().waitFor();
  await page.goto(`${publicUrl}/dashboard/limits`);
  await page.getByRole("heading", { level: 1, name: "Budgets & limits" }).waitFor();
  expect(await page.getByRole("button", { name: "Create a limit" }).count()).toBe(0);
});

test("by the button of a SAML provider, which answers from another site, the same", async () => {
  const page = await dashboard.stranger({ expects: /401/ });
  await page.goto(`${publicUrl}/dashboard/limits`);
  await page.getByRole("link", { name: "Sign in with Example by SAML" }).click();
  await page.getByRole("button", { name: "Yes, it is me" }).click();
  await page.waitForURL(({ href }) => href.startsWith(`${publicUrl}/dashboard`));
  await page.getByRole("button", { name: `Account: ${SAM.name}` }).click();
  await page.getByText(`${SAM.email}, viewer`).waitFor();
  // It is no session of a moment: it is kept by the browser.
  await page.goto(`${publicUrl}/dashboard/members`);
  await page.getByText("Members are for admins and owners").waitFor();
});
