import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { MemberMade, MemberRole, SessionAnswer } from "@tollhouse/contract";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";
import { MemberBrowser } from "./member-browser.ts";

// E25, the part of passwords and sessions: two processes on one database, asked as browsers ask.

const PASSWORD = "correct horse battery staple";
const OWNER = { name: "Olga", email: "olga@example.com", password: PASSWORD };
const SESSION = "__Host-tollhouse";

let world: StartedTollhouse;
/** Of an owner. */
let olga: MemberBrowser;
let made = 0;
beforeAll(async () => {
  world = await startedTollhouse({
    env: { TOLLHOUSE_AUTH: "required", TOLLHOUSE_CONTROL_FAILURES_PER_MINUTE: "0" },
  });
});
afterAll(() => world.stop());

test("the admin key makes the first owner, once, whoever is first", async () => {
  const nobody = new MemberBrowser(world.url);
  expect((await nobody.ask("GET", "/api/sign-in")).body).toEqual({
    needs_owner: true,
    password: true,
    oidc: null,
    saml: null,
  });
  const wrong = await nobody.signIn("/api/sign-in/owner", { ...OWNER, admin_key: `${TEST_ADMIN_KEY}x` });
  expect([wrong.status, wrong.code, nobody.cookies.size]).toEqual([401, "ADMIN_KEY_REQUIRED", 0]);
  const browsers = Array.from({ length: 4 }, () => new MemberBrowser(world.url));
  const answers = await Promise.all(
    browsers.map((browser, at) =>
      browser.signIn("/api/sign-in/owner", { ...OWNER, email: `olga${at}@example.com`, admin_key: TEST_ADMIN_KEY }),
    ),
  );
  expect(answers.map(({ code }) => String(code)).toSorted()).toEqual([
    "ALREADY_EXISTS",
    "ALREADY_EXISTS",
    "ALREADY_EXISTS",
    "undefined",
  ]);
  const first = answers.findIndex(({ status }) => status === 200);
  olga = browsers[first] as MemberBrowser;
  expect(answers[first]?.body).toMatchObject({
    member: { name: "Olga", role: "owner" },
    tenant: "default",
    environments: ["dev", "prod", "staging"],
    permissions: ["read", "operate", "manage", "payloads", "members", "own", "installation"],
  });
  expect((await nobody.ask("GET", "/api/sign-in")).body).toMatchObject({ needs_owner: false });
});

/** A member who has signed in. */
async function member(role: MemberRole = "viewer"): Promise<{ id: string; email: string; browser: MemberBrowser }> {
  const email = `m${++made}@example.com`;
  const { body } = await olga.ask<MemberMade>("POST", "/api/v1/members", {
    body: { email, name: `M ${made}`, role, password: PASSWORD },
  });
  const browser = new MemberBrowser(world.url);
  expect((await browser.signIn("/api/sign-in/password", { email, password: PASSWORD })).status).toBe(200);
  return { id: body.id, email, browser };
}

const whoAmI = async (browser: MemberBrowser): Promise<string> => {
  const { status, code, body } = await browser.ask<SessionAnswer>("GET", "/api/v1/session");
  return status === 200 ? body.actor : String(code);
};

describe("the cookie", () => {
  test("is out of reach for scripts, other hosts and plain requests of other sites, and of 256 bits that nobody stores", async () => {
    const { id, email } = await member();
    const browser = new MemberBrowser(world.url);
    const { headers } = await browser.signIn("/api/sign-in/password", { email, password: PASSWORD });
    const [cookie = ""] = headers.getSetCookie();
    expect(cookie).toMatch(
      /^__Host-tollhouse=0{31}1\.[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax; Max-Age=604800$/,
    );
    expect(headers.get("cache-control")).toBe("no-store");
    const secret = (browser.cookies.get(SESSION) as string).split(".")[1] as string;
    const { rows } = await world.database.db.query<{ kept: string }>(
      "SELECT to_jsonb(s)::text || to_jsonb(m)::text AS kept FROM member_sessions AS s JOIN members AS m ON m.id = s.member WHERE m.id = $1",
      [id],
    );
    expect(rows).toHaveLength(2);
    for (const { kept } of rows)
      for (const text of [secret, Buffer.from(secret, "base64url").toString("hex"), PASSWORD])
        expect(kept).not.toContain(text);
  });

  test("that somebody set beforehand is never the session's: each sign-in has a new id, and ends the one before", async () => {
    const { email, browser } = await member();
    const before = browser.cookies.get(SESSION) as string;
    const planted = `${"0".repeat(31)}1.${"A".repeat(43)}`;
    const victim = new MemberBrowser(world.url);
    victim.cookies.set(SESSION, planted);
    await victim.signIn("/api/sign-in/password", { email, password: PASSWORD });
    expect(victim.cookies.get(SESSION)).not.toBe(planted);
    const attacker = new MemberBrowser(world.url);
    attacker.cookies.set(SESSION, planted);
    expect(await whoAmI(attacker)).toBe("SESSION_ENDED");
    await browser.signIn("/api/sign-in/password", { email, password: PASSWORD });
    expect(browser.cookies.get(SESSION)).not.toBe(before);
    attacker.cookies.set(SESSION, before);
    expect([await whoAmI(attacker), await whoAmI(browser)]).toEqual([
      "SESSION_ENDED",
      expect.stringMatching(/^member:/),
    ]);
  });

  test("of another tenant, cut, changed or doubled is nobody's", async () => {
    const { browser } = await member();
    const text = browser.cookies.get(SESSION) as string;
    const other = new MemberBrowser(world.url);
    for (const forged of [
      text.slice(0, -1),
      `${text}x`,
      `${"f".repeat(32)}${text.slice(32)}`,
      `0${text}`,
      text.replace(".", ""),
      `${text.slice(0, -1)}${text.endsWith("A") ? "B" : "A"}`,
      "",
    ]) {
      other.cookies.set(SESSION, forged);
      expect([forged, await whoAmI(other)]).toEqual([forged, "SESSION_ENDED"]);
    }
    const twice = await other.ask("GET", "/api/v1/session", {
      headers: { cookie: `${SESSION}=${text}; ${SESSION}=x` },
    });
    expect(twice.code).toBe("ADMIN_KEY_REQUIRED");
  });
});

describe("signing in", () => {
  test("whoever is not there, disabled, only invited or of another tenant is told what a wrong password is told", async () => {
    const { id, email } = await member();
    await olga.ask("PUT", `/api/v1/members/${id}`, { body: { disabled: true } });
    const invited = `i${++made}@example.com`;
    await olga.ask("POST", "/api/v1/members", { body: { email: invited, name: "I", role: "viewer" } });
    const { email: there } = await member();
    const told = [];
    for (const body of [
      { email: there, password: `${PASSWORD}x` },
      { email: "nobody@example.com", password: PASSWORD },
      { email, password: PASSWORD },
      { email: invited, password: PASSWORD },
      { email: invited, password: "" },
      { email: there, password: PASSWORD, tenant: "nobodys" },
    ]) {
      const { status, body: problem } = await new MemberBrowser(world.url).signIn("/api/sign-in/password", body);
      told.push(JSON.stringify([status, problem]));
    }
    expect(new Set(told).size).toBe(1);
    expect(told[0]).toContain("SIGN_IN_FAILED");
  });

  test("letters in other spellings are the same, of the address and of the password", async () => {
    const { email } = await member();
    const browser = new MemberBrowser(world.url);
    const { status } = await browser.signIn("/api/sign-in/password", {
      email: ` ${email.toUpperCase()} `,
      password: PASSWORD.replace("c", "ｃ"),
    });
    expect(status).toBe(200);
  });

  test("guesses are counted before they are looked at: of 40 at once ten are, and the right one then waits too", async () => {
    const { email } = await member();
    const guesses = await Promise.all(
      Array.from({ length: 40 }, (_, at) =>
        new MemberBrowser(world.url).signIn("/api/sign-in/password", { email, password: `a wrong one ${at}` }),
      ),
    );
    const codes = guesses.map(({ code }) => code);
    // The right one of `member` was given back.
    expect(codes.filter((code) => code === "SIGN_IN_FAILED")).toHaveLength(10);
    expect(codes.filter((code) => code === "RATE_LIMITED")).toHaveLength(30);
    expect(guesses.find(({ status }) => status === 429)?.headers.get("retry-after")).toMatch(/^\d+$/);
    const right = await new MemberBrowser(world.url).signIn("/api/sign-in/password", { email, password: PASSWORD });
    expect(right.code).toBe("RATE_LIMITED");
    // Nobody else waits.
    await member();
  });

  test("a one-time text sets the password once, until it is replaced", async () => {
    const email = `i${++made}@example.com`;
    const { body } = await olga.ask<MemberMade>("POST", "/api/v1/members", {
      body: { email, name: "I", role: "viewer" },
    });
    const token = body.invitation?.token as string;
    const accept = (text: string): Promise<{ status: number }> =>
      new MemberBrowser(world.url).signIn("/api/sign-in/invitation", { token: text, password: PASSWORD });
    expect((await accept(`${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`)).status).toBe(401);
    const both = await Promise.all([accept(token), accept(token)]);
    expect(both.map(({ status }) => String(status)).toSorted()).toEqual(["200", "401"]);
    expect((await accept(token)).status).toBe(401);
    const again = await olga.ask<MemberMade>("POST", `/api/v1/members/${body.id}/invite`);
    const replaced = await olga.ask<MemberMade>("POST", `/api/v1/members/${body.id}/invite`);
    expect((await accept(again.body.invitation?.token as string)).status).toBe(401);
    const old = await new MemberBrowser(world.url).signIn("/api/sign-in/password", { email, password: PASSWORD });
    expect(old.code).toBe("SIGN_IN_FAILED");
    await world.database.db.query("UPDATE members SET invitation_until = now() - interval '1 s' WHERE id = $1", [
      body.id,
    ]);
    expect((await accept(replaced.body.invitation?.token as string)).status).toBe(401);
  });
});

describe("a session ends", () => {
  let one: Awaited<ReturnType<typeof member>>;
  /** Another of the same member. */
  let two: MemberBrowser;
  beforeEach(async () => {
    one = await member();
    two = new MemberBrowser(world.url);
    await two.signIn("/api/sign-in/password", { email: one.email, password: PASSWORD });
  });

  test("at sign-out: that one, and its cookie", async () => {
    const cookie = one.browser.cookies.get(SESSION) as string;
    expect((await one.browser.ask("POST", "/api/v1/session/end")).status).toBe(204);
    expect(one.browser.cookies.has(SESSION)).toBe(false);
    one.browser.cookies.set(SESSION, cookie);
    expect([await whoAmI(one.browser), await whoAmI(two)]).toEqual(["SESSION_ENDED", `member:${one.id}`]);
  });

  test.each([
    ["another role", { role: "operator" }],
    ["being disabled", { disabled: true }],
  ])("by %s", async (_, body) => {
    expect((await olga.ask("PUT", `/api/v1/members/${one.id}`, { body })).status).toBe(200);
    expect([await whoAmI(one.browser), await whoAmI(two)]).toEqual(["SESSION_ENDED", "SESSION_ENDED"]);
  });

  test("by being deleted, and by a new one-time text", async () => {
    await olga.ask("POST", `/api/v1/members/${one.id}/invite`);
    expect(await whoAmI(two)).toBe("SESSION_ENDED");
    const other = await member();
    expect((await olga.ask("DELETE", `/api/v1/members/${other.id}`)).status).toBe(204);
    expect(await whoAmI(other.browser)).toBe("SESSION_ENDED");
  });

  test("by another password; whoever changed it has a new one", async () => {
    const body = { current: PASSWORD, new: "another horse battery staple" };
    const wrong = await one.browser.ask("POST", "/api/v1/session/password", { body: { ...body, current: "x" } });
    expect([wrong.code, await whoAmI(two)]).toEqual(["SIGN_IN_FAILED", `member:${one.id}`]);
    const before = one.browser.cookies.get(SESSION);
    const told = await one.browser.ask<SessionAnswer>("POST", "/api/v1/session/password", { body });
    expect([told.status, one.browser.cookies.get(SESSION) === before]).toEqual([200, false]);
    expect([await whoAmI(one.browser), await whoAmI(two)]).toEqual([`member:${one.id}`, "SESSION_ENDED"]);
    const old = await two.signIn("/api/sign-in/password", { email: one.email, password: PASSWORD });
    expect(old.code).toBe("SIGN_IN_FAILED");
  });

  test("after twelve hours without a request, and after seven days whatever is asked", async () => {
    const age = async (what: string): Promise<void> => {
      await world.database.db.query(`UPDATE member_sessions SET ${what} WHERE member = $1`, [one.id]);
    };
    await age("last_used_at = now() - interval '11 hours 59 minutes'");
    expect(await whoAmI(two)).toBe(`member:${one.id}`);
    // It was used just now, and the other was not.
    await age("last_used_at = last_used_at - interval '12 minutes'");
    expect([await whoAmI(two), await whoAmI(one.browser)]).toEqual([`member:${one.id}`, "SESSION_ENDED"]);
    await age("expires_at = now() - interval '1 s'");
    expect(await whoAmI(two)).toBe("SESSION_ENDED");
  });
});

describe("another site's page", () => {
  /** Each is what a browser sends for it, and what our own page sends, but for one thing. */
  const FOREIGN: readonly (readonly [string, Record<string, string | undefined>])[] = [
    ["without the token", { "x-tollhouse-csrf": undefined }],
    ["with a token of another session", { "x-tollhouse-csrf": "A".repeat(43) }],
    ["that says it is cross-site", { "sec-fetch-site": "cross-site" }],
    ["of another host of the same domain", { "sec-fetch-site": "same-site" }],
    ["in an old browser", { "sec-fetch-site": undefined, origin: "https://evil.example" }],
    ["in an old browser, in a sandbox", { "sec-fetch-site": undefined, origin: "null" }],
    ["that says nothing of itself", { "sec-fetch-site": undefined }],
  ];

  test.each(FOREIGN)("%s changes nothing", async (_, headers) => {
    const { browser } = await member("admin");
    const body = { scope: "session:csrf", measure: "usd", amount: "1", window: "lifetime", mode: "hard" };
    const told = await browser.ask("POST", "/api/v1/limits", { body, headers });
    expect([told.status, told.code]).toEqual([403, "CROSS_SITE_REQUEST"]);
    for (const method of ["PUT", "DELETE", "PATCH"])
      expect([method, (await browser.ask(method, "/api/v1/limits/lim_1", { headers })).code]).toEqual([
        method,
        "CROSS_SITE_REQUEST",
      ]);
  });

  test("our own page may, in browsers that say where it is and in those that say its origin", async () => {
    const { browser } = await member("admin");
    const body = { scope: "session:csrf", measure: "usd", amount: "1", window: "lifetime", mode: "hard" };
    const origin = { "sec-fetch-site": undefined, origin: world.url };
    for (const headers of [{}, origin])
      expect((await browser.ask("POST", "/api/v1/limits", { body, headers })).status).toBe(201);
    const form = await browser.ask("POST", "/api/v1/limits", {
      body: "scope=session%3Acsrf",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    expect([form.status, form.code]).toEqual([400, "REQUEST_INVALID"]);
  });

  test.each(FOREIGN.slice(2, 6))("%s signs nobody in", async (_, headers) => {
    const { email } = await member();
    const told = await new MemberBrowser(world.url).ask("POST", "/api/sign-in/password", {
      body: { email, password: PASSWORD },
      headers,
    });
    expect([told.code, told.headers.getSetCookie()]).toEqual(["CROSS_SITE_REQUEST", []]);
  });

  test("a key needs none of it, and where one is sent the session beside it is not looked at", async () => {
    const { browser } = await member("viewer");
    const headers = {
      authorization: `Bearer ${TEST_ADMIN_KEY}`,
      "sec-fetch-site": "cross-site",
      "x-tollhouse-csrf": undefined,
    };
    const asked = await browser.ask<SessionAnswer>("GET", "/api/v1/session", { headers });
    expect(asked.body).toMatchObject({ member: null, actor: "admin-key", csrf_token: null });
    const body = { scope: "session:csrf", measure: "usd", amount: "1", window: "lifetime", mode: "hard" };
    expect((await browser.ask("POST", "/api/v1/limits", { body, headers })).status).toBe(201);
    const wrong = await browser.ask("GET", "/api/v1/session", { headers: { authorization: "Bearer th_wrong" } });
    expect(wrong.code).toBe("ADMIN_KEY_REQUIRED");
  });
});

test("a session is no key: calls and the SDK do not look at it", async () => {
  const { headers } = { headers: { cookie: `${SESSION}=${olga.cookies.get(SESSION)}` } };
  const body = { model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }] };
  for (const path of ["/v1/chat/completions", "/sdk/check"])
    expect((await olga.ask("POST", path, { body, headers })).status).toBe(401);
});

test("each change of a member is an entry that says who made it, and holds nobody's name, address or password", async () => {
  const { id, browser } = await member("admin");
  await browser.ask("POST", "/api/v1/session/password", { body: { current: PASSWORD, new: `${PASSWORD}!` } });
  await olga.ask("PUT", `/api/v1/members/${id}`, { body: { name: "Another" } });
  await olga.ask("DELETE", `/api/v1/members/${id}`);
  await world.recorded();
  const owner = await whoAmI(olga);
  const { changes } = await world.control<{
    changes: { action: string; actor: string; subject: string; after: unknown }[];
  }>("GET", "/api/v1/audit?limit=1000");
  const own = changes.filter(({ subject }) => subject === id).toReversed();
  expect(own.map(({ action, actor }) => [action, actor])).toEqual([
    ["member.create", owner],
    ["member.password", `member:${id}`],
    ["member.update", owner],
    ["member.delete", owner],
  ]);
  expect(own[0]?.after).toEqual({ id, role: "admin", state: "active", single_sign_on: false, version: 1 });
  const { rows } = await world.database.db.query<{ body: Buffer }>("SELECT body FROM ledger_entries");
  for (const { body } of rows)
    for (const text of [PASSWORD, "@example.com", "Olga", "argon2"]) expect(body.includes(text)).toBe(false);
});

test("every member is told the names of the others, page by page, and nothing else of them", async () => {
  const { id, browser } = await member("viewer");
  await olga.ask("POST", "/api/v1/members", {
    body: { email: "n@example.com", name: "N@Example.com", role: "viewer" },
  });
  interface Names {
    readonly names: readonly { readonly id: string; readonly name: string }[];
    readonly next_cursor: string | null;
  }
  const told: { readonly id: string; readonly name: string }[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const query: string = `limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`;
    const { body }: { body: Names } = await browser.ask<Names>("GET", `/api/v1/member-names?${query}`);
    expect(body.names.length).toBeLessThanOrEqual(2);
    told.push(...body.names);
    cursor = body.next_cursor;
  }
  const { body } = await olga.ask<{ members: { id: string; name: string }[] }>("GET", "/api/v1/members?limit=1000");
  // Whoever has no name but an address is told by the part of it that a colleague would say.
  const expected = body.members.map(({ id, name }) => ({ id, name: name === "N@Example.com" ? "n" : name }));
  expect(told).toEqual(expected);
  expect(told.some((one) => one.id === id)).toBe(true);
});

test("a tenant keeps an owner who can sign in, whoever removes them at once", async () => {
  const { body: acme } = await olga.ask<{ name: string }>("POST", "/api/v1/tenants", { body: { name: "acme" } });
  const make = async (name: string, password?: string): Promise<string> => {
    const body = { email: `${name}@acme.example`, name, role: "owner", ...(password !== undefined && { password }) };
    return (await olga.ask<MemberMade>("POST", `/api/v1/members?tenant=${acme.name}`, { body })).body.id;
  };
  const ids = [await make("one", PASSWORD), await make("two", PASSWORD)];
  // Has no way to sign in yet.
  await make("three");
  const told = await Promise.all(
    ids.map((id) => olga.ask("PUT", `/api/v1/members/${id}?tenant=acme`, { body: { disabled: true } })),
  );
  expect(told.map(({ code }) => String(code)).toSorted()).toEqual(["LAST_OWNER", "undefined"]);
  const left = ids[told.findIndex(({ status }) => status !== 200)] as string;
  for (const [method, path, body] of [
    ["PUT", `/api/v1/members/${left}?tenant=acme`, { role: "admin" }],
    ["POST", `/api/v1/members/${left}/invite?tenant=acme`, {}],
    ["DELETE", `/api/v1/members/${left}?tenant=acme`, undefined],
  ] as const)
    expect([method, (await olga.ask(method, path, { body })).code]).toEqual([method, "LAST_OWNER"]);
});
