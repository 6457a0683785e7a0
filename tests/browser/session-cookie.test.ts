import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { dashboardTests, emailOf, PASSWORD } from "./started-dashboard.ts";

// E25 in a real browser, over plain http on loopback: what only a browser decides of the session's cookie.

const dashboard = dashboardTests();

test("Chromium keeps the cookie over http on loopback, where no script reads it, through a reload and until sign-out", async () => {
  // Makes the member.
  await dashboard.signedIn("admin");
  const page = await dashboard.stranger({ expects: /401/ });
  const told = await page.evaluate(
    async (body) => {
      const headers = { "content-type": "application/json" };
      const answer = await fetch("/api/sign-in/password", { method: "POST", headers, body: JSON.stringify(body) });
      return answer.status;
    },
    { email: emailOf("admin"), password: PASSWORD },
  );
  expect([told, await page.evaluate("document.cookie")]).toEqual([200, ""]);
  const [cookie] = await page.context().cookies();
  expect(cookie).toMatchObject({ name: "__Host-tollhouse", path: "/", httpOnly: true, secure: true, sameSite: "Lax" });
  await page.reload();
  const session = await page.evaluate(
    async () => (await fetch("/api/v1/session")).json() as Promise<Record<string, unknown>>,
  );
  expect(session).toMatchObject({ member: { role: "admin" } });
  const ended = await page.evaluate(async (token) => {
    const headers = { "content-type": "application/json", "x-tollhouse-csrf": token };
    const answer = await fetch("/api/v1/session/end", { method: "POST", headers, body: "{}" });
    return [answer.status, (await fetch("/api/v1/session")).status];
  }, String(session["csrf_token"]));
  expect(ended).toEqual([204, 401]);
  expect(await page.context().cookies()).toEqual([]);
});

test("another site's page changes nothing in the session of its visitor, by script or by form", async () => {
  const page = await dashboard.signedIn("admin", { expects: /40\d|CORS|ERR_FAILED|Access to fetch/ });
  await page.getByRole("navigation").first().waitFor();
  // To a browser `localhost` is another site than 127.0.0.1.
  const { url } = dashboard.world;
  const target = `${url}/api/v1/limits`;
  const limit = JSON.stringify({
    scope: "session:csrf",
    measure: "usd",
    amount: "1",
    window: "lifetime",
    mode: "hard",
  });
  const evil = createServer((_req, res) =>
    res
      .setHeader("content-type", "text/html")
      .end(
        `<form method="post" enctype="text/plain" action="${target}"><input name='${limit.slice(0, -1)},"x":"' value='"}'><button>Win</button></form>`,
      ),
  );
  await new Promise<void>((resolve) => evil.listen(0, "localhost", resolve));
  try {
    await page.goto(`http://localhost:${(evil.address() as AddressInfo).port}/`);
    const sent = await page.evaluate(
      async ([to = "", body = ""]) => {
        const kinds = ["text/plain", "application/json"];
        const asked = kinds.map((type) =>
          fetch(to, { method: "POST", credentials: "include", headers: { "content-type": type }, body }).then(
            ({ status }) => status,
            () => "refused",
          ),
        );
        return Promise.all(asked);
      },
      [target, limit],
    );
    expect(sent).toEqual(["refused", "refused"]);
    const [answer] = await Promise.all([page.waitForResponse(target), page.getByRole("button").click()]);
    // Lax: the browser sends no cookie with another site's POST.
    expect(answer.status()).toBe(401);
  } finally {
    evil.closeAllConnections();
    evil.close();
  }
  const { limits } = await dashboard.world.control<{ limits: { scope: string }[] }>("GET", "/api/v1/limits?limit=1000");
  expect(limits.filter(({ scope }) => scope === "session:csrf")).toEqual([]);
});
