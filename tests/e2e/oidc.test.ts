import { createHmac } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportSPKI, generateKeyPair, type JWTPayload } from "jose";
import { Provider } from "oidc-provider";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { SessionAnswer } from "@tollhouse/contract";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { ForgingIssuer, type Forgery } from "./forging-issuer.ts";
import { MemberBrowser } from "./member-browser.ts";

// E25, single sign-on by OpenID Connect: against a real provider, and against one that forges.

const CALLBACK = "http://tollhouse.example/api/sign-in/oidc/callback";
const SESSION = "__Host-tollhouse";

function env(issuer: string): Record<string, string> {
  return {
    TOLLHOUSE_AUTH: "required",
    TOLLHOUSE_PUBLIC_URL: "http://tollhouse.example",
    TOLLHOUSE_OIDC_ISSUER: issuer,
    TOLLHOUSE_OIDC_CLIENT_ID: "tollhouse",
    TOLLHOUSE_OIDC_ROLES: "platform=owner, finance=viewer, on=call=operator",
    TOLLHOUSE_OIDC_NAME: "Example",
  };
}

const location = (told: { headers: Headers }): string => told.headers.get("location") ?? "";

async function whoAmI(browser: MemberBrowser): Promise<SessionAnswer> {
  return (await browser.ask<SessionAnswer>("GET", "/api/v1/session")).body;
}

describe("with a real provider", () => {
  let world: StartedTollhouse;
  let listener: Server;
  let issuer = "";
  /** What the provider knows of whoever signs in there by that name. */
  const people = new Map<string, { email: string; email_verified: boolean; name: string; groups: string[] }>();
  beforeAll(async () => {
    listener = createServer();
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    issuer = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    const provider = new Provider(issuer, {
      clients: [{ client_id: "tollhouse", client_secret: "a-secret-of-the-client", redirect_uris: [CALLBACK] }],
      claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"] },
      findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub, ...people.get(sub) }) }),
      pkce: { required: () => true },
      cookies: { keys: ["for tests"] },
    });
    const answer = provider.callback();
    listener.on("request", (req, res) => void answer(req, res));
    world = await startedTollhouse({ env: { ...env(issuer), TOLLHOUSE_OIDC_CLIENT_SECRET: "a-secret-of-the-client" } });
  });
  afterAll(async () => {
    await world.stop();
    listener.closeAllConnections();
    listener.close();
  });

  /** Goes to the provider, signs in there by its own pages, and gives where it sends the browser: the callback, and what it says. */
  async function atProvider(start: string, login: string): Promise<string> {
    const browser = new MemberBrowser(issuer);
    let next = start;
    for (let steps = 0; steps < 20; steps += 1) {
      const path = next.replace(issuer, "");
      if (path.startsWith("http")) return path;
      const told = await browser.ask<{ text: string }>("GET", path);
      if (location(told) !== "") next = location(told);
      else {
        const prompt = /name="prompt" value="(\w+)"/.exec(told.body.text)?.[1] ?? "";
        const action = /action="([^"]+)"/.exec(told.body.text)?.[1] ?? "";
        const sent = await browser.ask("POST", action.replace(issuer, ""), {
          body: new URLSearchParams({ prompt, login, password: "x" }).toString(),
          headers: { "content-type": "application/x-www-form-urlencoded" },
        });
        next = location(sent);
      }
    }
    throw new Error("the provider does not send the browser back");
  }

  async function signIn(login: string, browser = new MemberBrowser(world.url)): Promise<[MemberBrowser, string]> {
    const begun = await browser.ask("GET", "/api/sign-in/oidc");
    expect(begun.status).toBe(302);
    const back = await atProvider(location(begun), login);
    expect(back.startsWith(`${CALLBACK}?`)).toBe(true);
    const told = await browser.ask("GET", back.slice("http://tollhouse.example".length), {
      headers: { "sec-fetch-site": "cross-site" },
    });
    return [browser, location(told)];
  }

  test("the sign-in page knows its name; PKCE, state and nonce are new each time", async () => {
    const browser = new MemberBrowser(world.url);
    expect((await browser.ask("GET", "/api/sign-in")).body).toMatchObject({ oidc: { name: "Example" }, saml: null });
    const [one, two] = await Promise.all([
      browser.ask("GET", "/api/sign-in/oidc"),
      browser.ask("GET", "/api/sign-in/oidc"),
    ]);
    const [first, second] = [one, two].map((told) => new URL(location(told)).searchParams);
    expect(first?.get("code_challenge_method")).toBe("S256");
    for (const name of ["state", "nonce", "code_challenge"]) {
      expect(first?.get(name)).toMatch(/^[\w-]{43}$/);
      expect(first?.get(name)).not.toBe(second?.get(name));
    }
    expect(one.headers.getSetCookie()[0]).toMatch(
      /^__Host-tollhouse-oidc=\w+; Path=\/; HttpOnly; Secure; SameSite=Lax; Max-Age=600$/,
    );
  });

  test("a member is made at the first sign-in, with the role of their groups, and is the same at the next", async () => {
    people.set("sub-ada", {
      email: "ada@example.com",
      email_verified: true,
      name: "Ada",
      groups: ["others", "platform", "finance"],
    });
    const [browser, where] = await signIn("sub-ada");
    expect(where).toBe("/dashboard");
    const first = await whoAmI(browser);
    expect(first.member).toMatchObject({ name: "Ada", email: "ada@example.com", role: "owner" });
    expect((await browser.ask("GET", "/api/sign-in")).body).toMatchObject({ needs_owner: false });
    // Another address at the provider is the same person.
    people.set("sub-ada", { email: "lovelace@example.com", email_verified: true, name: "Ada", groups: ["platform"] });
    const [again] = await signIn("sub-ada");
    expect((await whoAmI(again)).actor).toBe(first.actor);
    expect((await whoAmI(browser)).actor).toBe(first.actor);
  });

  test("another group is another role, and ends the sessions of before", async () => {
    people.set("sub-bob", { email: "bob@example.com", email_verified: true, name: "Bob", groups: ["on=call"] });
    const [before] = await signIn("sub-bob");
    expect((await whoAmI(before)).member?.role).toBe("operator");
    people.set("sub-bob", { email: "bob@example.com", email_verified: true, name: "Bob", groups: ["finance"] });
    const [after] = await signIn("sub-bob");
    expect((await whoAmI(after)).member?.role).toBe("viewer");
    expect((await before.ask("GET", "/api/v1/session")).code).toBe("SESSION_ENDED");
  });

  test("whoever is in no group, unverified, disabled, or has the address of another member is refused", async () => {
    const refused = async (login: string): Promise<void> => {
      const [browser, where] = await signIn(login);
      expect([login, where, browser.cookies.has(SESSION)]).toEqual([
        login,
        "/dashboard/sign-in?reason=SIGN_IN_REFUSED",
        false,
      ]);
    };
    people.set("sub-none", { email: "none@example.com", email_verified: true, name: "N", groups: ["others", "*"] });
    await refused("sub-none");
    people.set("sub-unverified", { email: "u@example.com", email_verified: false, name: "U", groups: ["platform"] });
    await refused("sub-unverified");
    // A password of that address is somebody else's, whatever the provider says.
    const taken = { email: "taken@example.com", name: "T", role: "viewer", password: "correct horse battery staple" };
    await world.control("POST", "/api/v1/members", taken);
    people.set("sub-taken", { email: "Taken@example.com", email_verified: true, name: "T", groups: ["platform"] });
    await refused("sub-taken");
    people.set("sub-gone", { email: "gone@example.com", email_verified: true, name: "G", groups: ["finance"] });
    const [browser] = await signIn("sub-gone");
    const { member } = await whoAmI(browser);
    await world.control("PUT", `/api/v1/members/${member?.id}`, { disabled: true });
    await refused("sub-gone");
  });

  test("the only owner is not demoted by a group: they are refused, and stay one", async () => {
    people.set("sub-ada", { email: "ada@example.com", email_verified: true, name: "Ada", groups: ["finance"] });
    const [browser, where] = await signIn("sub-ada");
    expect([where, browser.cookies.has(SESSION)]).toEqual(["/dashboard/sign-in?reason=LAST_OWNER", false]);
  });

  test("what comes back without what the browser kept, of another sign-in, or twice signs nobody in", async () => {
    people.set("sub-eve", { email: "eve@example.com", email_verified: true, name: "Eve", groups: ["finance"] });
    const browser = new MemberBrowser(world.url);
    const back = (await atProvider(location(await browser.ask("GET", "/api/sign-in/oidc")), "sub-eve")).slice(
      "http://tollhouse.example".length,
    );
    const refused = "/dashboard/sign-in?reason=SIGN_IN_REFUSED";
    // Eve's answer in somebody else's browser, who would then work as Eve.
    expect(location(await new MemberBrowser(world.url).ask("GET", back))).toBe(refused);
    const other = new MemberBrowser(world.url);
    await other.ask("GET", "/api/sign-in/oidc");
    expect(location(await other.ask("GET", back))).toBe(refused);
    const kept = browser.cookies.get("__Host-tollhouse-oidc") as string;
    expect(location(await browser.ask("GET", back))).toBe("/dashboard");
    browser.cookies.set("__Host-tollhouse-oidc", kept);
    expect(location(await browser.ask("GET", back))).toBe(refused);
  });

  test("who signs in at the provider has no password, no one-time text, and no role but that of the groups", async () => {
    const { members } = await world.control<{ members: { id: string; single_sign_on: boolean; role: string }[] }>(
      "GET",
      "/api/v1/members",
    );
    const id = members.find((one) => one.single_sign_on && one.role === "viewer")?.id;
    await expect(world.control("POST", `/api/v1/members/${id}/invite`)).rejects.toThrow(/identity provider/);
    await expect(world.control("PUT", `/api/v1/members/${id}`, { role: "owner" })).rejects.toThrow(/groups/);
  });
});

describe("a provider that forges", () => {
  let world: StartedTollhouse;
  let issuer: ForgingIssuer;
  beforeAll(async () => {
    issuer = await new ForgingIssuer().start();
    world = await startedTollhouse({ env: env(issuer.url) });
  });
  afterAll(async () => {
    await world.stop();
    issuer.stop();
  });
  let forged = 0;
  beforeEach(() => {
    issuer.email = `forged-${++forged}@example.com`;
    issuer.forgery = {};
  });

  async function signIn(forgery: Forgery = {}): Promise<{ readonly where: string; readonly browser: MemberBrowser }> {
    issuer.forgery = forgery;
    const browser = new MemberBrowser(world.url);
    const asked = new URL(location(await browser.ask("GET", "/api/sign-in/oidc"))).searchParams;
    issuer.nonce = asked.get("nonce") ?? "";
    const query = new URLSearchParams({ code: "code", state: asked.get("state") ?? "" });
    return { where: location(await browser.ask("GET", `/api/sign-in/oidc/callback?${query}`)), browser };
  }

  const unsigned = (header: object, claims: JWTPayload): string =>
    [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");

  test("is believed where it does not", async () => {
    const { where, browser } = await signIn();
    expect([where, (await whoAmI(browser)).member?.role]).toEqual(["/dashboard", "owner"]);
  });

  test("of two ID tokens that begin alike, each is its own subject's", async () => {
    const ids = [];
    for (const sub of ["subject-1", "subject-2"])
      ids.push(
        (await whoAmI((await signIn({ claims: (right) => ({ ...right, sub, email: `${sub}@example.com` }) })).browser))
          .actor,
      );
    expect(new Set(ids).size).toBe(2);
  });

  const long = 3_600;
  test.each<readonly [string, Forgery]>([
    ["no signature (alg none)", { token: (claims) => `${unsigned({ alg: "none" }, claims)}.` }],
    [
      "a signature that is cut off",
      { token: async (claims) => `${(await issuer.sign(claims)).split(".").slice(0, 2).join(".")}.` },
    ],
    [
      "HS256 under the public key",
      {
        token: async (claims) => {
          const body = unsigned({ alg: "HS256", kid: "one" }, claims);
          return `${body}.${createHmac("sha256", await exportSPKI(issuer.publicKey))
            .update(body)
            .digest("base64url")}`;
        },
      },
    ],
    [
      "HS256 under the name of the client",
      {
        token: (claims) => {
          const body = unsigned({ alg: "HS256" }, claims);
          return `${body}.${createHmac("sha256", "tollhouse").update(body).digest("base64url")}`;
        },
      },
    ],
    [
      "a key that is not the provider's",
      { token: async (claims) => issuer.sign(claims, (await generateKeyPair("RS256")).privateKey) },
    ],
    [
      "claims that were changed after they were signed",
      {
        token: async (claims) => {
          const [header, , signature] = (await issuer.sign(claims)).split(".");
          const changed = Buffer.from(JSON.stringify({ ...claims, sub: "subject-2" })).toString("base64url");
          return `${header}.${changed}.${signature}`;
        },
      },
    ],
    ["another issuer", { claims: (right) => ({ ...right, iss: "https://evil.example" }) }],
    ["an issuer that ours begins", { claims: (right) => ({ ...right, iss: `${right.iss}/evil` }) }],
    ["another audience", { claims: (right) => ({ ...right, aud: "another-client" }) }],
    [
      "several audiences, and no word of who it is for",
      { claims: (right) => ({ ...right, aud: ["another-client", "tollhouse"] }) },
    ],
    [
      "several audiences, for another",
      { claims: (right) => ({ ...right, aud: ["tollhouse", "other"], azp: "other" }) },
    ],
    ["the nonce of another sign-in", { claims: (right) => ({ ...right, nonce: "another" }) }],
    ["no nonce", { claims: (right) => ({ ...right, nonce: undefined }) }],
    ["an end that is past", { claims: (right) => ({ ...right, exp: Math.floor(Date.now() / 1_000) - long }) }],
    ["no end", { claims: (right) => ({ ...right, exp: undefined }) }],
    ["a beginning in the future", { claims: (right) => ({ ...right, nbf: Math.floor(Date.now() / 1_000) + long }) }],
    ["no subject", { claims: (right) => ({ ...right, sub: undefined }) }],
    ["groups that are no texts", { claims: (right) => ({ ...right, groups: { platform: true } }) }],
    [
      "no groups, and a user info of another subject",
      { claims: (right) => ({ ...right, groups: undefined }), userinfo: { sub: "subject-9", groups: ["platform"] } },
    ],
    ["no address", { claims: (right) => ({ ...right, email: undefined }), userinfo: { sub: "subject-1" } }],
  ])("%s: signs nobody in", async (_, forgery) => {
    const { where, browser } = await signIn(forgery);
    expect([where, browser.cookies.has(SESSION)]).toEqual(["/dashboard/sign-in?reason=SIGN_IN_REFUSED", false]);
  });

  test("groups that only its user info names count, of the same subject", async () => {
    const { where } = await signIn({
      claims: (right) => ({ ...right, groups: undefined }),
      userinfo: { sub: "subject-1", groups: ["platform"] },
    });
    expect(where).toBe("/dashboard");
  });
});
