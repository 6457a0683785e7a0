import type { SavedView } from "@tollhouse/contract/control-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { MemberBrowser } from "./member-browser.ts";

// Questions that somebody keeps under a name are theirs alone, and go with them.

const PASSWORD = "correct horse battery staple";
const TEAMS = { page: "explore", search: "by=team&range=30d" };

let world: StartedTollhouse;
let ada: MemberBrowser;
let bob: MemberBrowser;
let bobsId = "";
beforeAll(async () => {
  world = await startedTollhouse({ env: { TOLLHOUSE_CONTROL_REQUESTS_PER_MINUTE: "0" } });
  ada = (await signedIn("ada")).browser;
  ({ browser: bob, id: bobsId } = await signedIn("bob"));
});
afterAll(() => world.stop());

async function signedIn(name: string): Promise<{ readonly browser: MemberBrowser; readonly id: string }> {
  const email = `${name}@example.com`;
  const body = { email, name, role: "viewer", password: PASSWORD };
  const { id } = await world.control<{ id: string }>("POST", "/api/v1/members", body);
  const browser = new MemberBrowser(world.url);
  expect((await browser.signIn("/api/sign-in/password", { email, password: PASSWORD })).status).toBe(200);
  return { browser, id };
}

const nameOf = (name: string): string => `/api/v1/views/${encodeURIComponent(name)}`;
const put = (who: MemberBrowser, name: string, body: object = TEAMS) => who.ask("PUT", nameOf(name), { body });

async function viewsOf(who: MemberBrowser): Promise<readonly SavedView[]> {
  return (await who.ask<{ views: readonly SavedView[] }>("GET", "/api/v1/views")).body.views;
}

test("what one keeps, nobody else sees, changes or removes; a name that is taken is said anew", async () => {
  expect((await put(ada, "Teams, 30 days")).status).toBe(200);
  expect(await viewsOf(ada)).toEqual([{ name: "Teams, 30 days", ...TEAMS, saved_at: expect.any(String) }]);
  expect(await viewsOf(bob)).toEqual([]);
  expect((await bob.ask("DELETE", nameOf("Teams, 30 days"))).code).toBe("NOT_FOUND");
  await put(bob, "Teams, 30 days", { page: "calls", search: "outcome=blocked" });
  expect(await viewsOf(ada)).toMatchObject([TEAMS]);
  await put(ada, "Teams, 30 days", { page: "explore", search: "by=agent" });
  expect(await viewsOf(ada)).toMatchObject([{ search: "by=agent" }]);
  expect((await ada.ask("DELETE", nameOf("Teams, 30 days"))).status).toBe(204);
  expect([await viewsOf(ada), (await viewsOf(bob)).length]).toEqual([[], 1]);
});

test("nonsense is refused by name, and so is one more than there may be", async () => {
  const refused = await put(ada, "x", { page: "secrets", search: "?".repeat(3_000) });
  expect([refused.code, refused.body["errors"]]).toMatchObject([
    "REQUEST_INVALID",
    [{ field: "page" }, { field: "search" }],
  ]);
  expect((await put(ada, "a/b")).code).toBe("REQUEST_INVALID");
  await Promise.all(Array.from({ length: 100 }, (_, n) => put(ada, `view ${n}`)));
  expect((await viewsOf(ada)).length).toBe(100);
  expect((await put(ada, "one more")).body["errors"]).toMatchObject([{ field: "name" }]);
  expect((await put(ada, "view 7")).status).toBe(200);
});

test("with a member their views go", async () => {
  await put(bob, "mine");
  await world.control("DELETE", `/api/v1/members/${bobsId}`);
  const { rows } = await world.database.db.query("SELECT name FROM saved_views WHERE member = $1", [bobsId]);
  expect(rows).toEqual([]);
});
