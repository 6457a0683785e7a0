import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SessionAnswer } from "@tollhouse/contract";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { MemberBrowser } from "./member-browser.ts";
import {
  assertionXml,
  makeSigningKey,
  requestIn,
  responseXml,
  signed,
  type Said,
  type SigningKey,
} from "./saml-issuer.ts";

// E25, single sign-on by SAML: an identity provider of our own, made with the library that others sign with, and all that is no answer of it.

const PUBLIC = "https://tollhouse.example";
const CALLBACK = "/api/sign-in/saml/callback";
const ISSUER = "https://idp.example/metadata";
const SESSION = "__Host-tollhouse";
const REFUSED = "/dashboard/sign-in?reason=SIGN_IN_REFUSED";
const PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";

let world: StartedTollhouse;
let key: SigningKey;
let another: SigningKey;
beforeAll(async () => {
  [key, another] = [makeSigningKey(), makeSigningKey()];
  world = await startedTollhouse({
    env: {
      TOLLHOUSE_AUTH: "required",
      TOLLHOUSE_PUBLIC_URL: PUBLIC,
      TOLLHOUSE_SAML_ENTRY_POINT: "https://idp.example/sso",
      TOLLHOUSE_SAML_IDP_ISSUER: ISSUER,
      TOLLHOUSE_SAML_IDP_CERT: key.certificate,
      TOLLHOUSE_SAML_ROLES: "platform=owner, finance=viewer",
      TOLLHOUSE_SAML_NAME: "Example",
    },
  });
});
afterAll(() => world.stop());

const location = (told: { headers: Headers }): string => told.headers.get("location") ?? "";

interface Begun {
  readonly browser: MemberBrowser;
  readonly said: Said;
}

async function begin(over: Partial<Said> = {}): Promise<Begun> {
  const browser = new MemberBrowser(world.url);
  const request = requestIn(location(await browser.ask("GET", "/api/sign-in/saml")));
  const nowMs = Date.now();
  const said: Said = {
    request,
    audience: `${PUBLIC}/api/sign-in/saml/metadata`,
    recipient: `${PUBLIC}${CALLBACK}`,
    issuer: ISSUER,
    nameId: "subject-1",
    nameIdFormat: PERSISTENT,
    email: "sam@example.com",
    groups: ["others", "platform"],
    fromMs: nowMs - 5_000,
    untilMs: nowMs + 60_000,
    issuedMs: nowMs,
    confirmation: null,
    ...over,
  };
  return { browser, said };
}

/** As the provider's page does: a form that the browser posts from another site. */
async function post(browser: MemberBrowser, xml: string): Promise<string> {
  const told = await browser.ask("POST", CALLBACK, {
    body: new URLSearchParams({ SAMLResponse: Buffer.from(xml).toString("base64"), RelayState: "" }).toString(),
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      "sec-fetch-site": "cross-site",
      origin: "https://idp.example",
    },
  });
  return location(told);
}

const right = (said: Said): string => responseXml(said, signed(assertionXml(said), key));

async function whoAmI(browser: MemberBrowser): Promise<SessionAnswer> {
  return (await browser.ask<SessionAnswer>("GET", "/api/v1/session")).body;
}

test("a signed assertion signs in, with the role of its groups, the same person each time", async () => {
  expect((await new MemberBrowser(world.url).ask("GET", "/api/sign-in")).body).toMatchObject({
    saml: { name: "Example" },
    oidc: null,
  });
  const actors = [];
  for (const xml of [right, (said: Said) => signed(right(said), key, "Response")]) {
    const { browser, said } = await begin();
    expect(await post(browser, xml(said))).toBe("/dashboard");
    const session = await whoAmI(browser);
    expect(session.member).toMatchObject({ name: "Sam", email: "sam@example.com", role: "owner" });
    actors.push(session.actor);
  }
  expect(new Set(actors).size).toBe(1);
});

test("our metadata names where assertions go and what they must be for", async () => {
  const told = await new MemberBrowser(world.url).ask<{ text: string }>("GET", "/api/sign-in/saml/metadata");
  expect(told.headers.get("content-type")).toContain("application/samlmetadata+xml");
  for (const said of [
    `entityID="${PUBLIC}/api/sign-in/saml/metadata"`,
    `Location="${PUBLIC}${CALLBACK}"`,
    'WantAssertionsSigned="true"',
  ])
    expect(told.body.text).toContain(said);
});

test("the cookie that waits comes back with the provider's form, and is no session", async () => {
  const told = await new MemberBrowser(world.url).ask("GET", "/api/sign-in/saml");
  expect(told.headers.getSetCookie()).toEqual([
    expect.stringMatching(
      /^__Host-tollhouse-saml=_[0-9a-f]{40}; Path=\/; HttpOnly; Secure; SameSite=None; Max-Age=600$/,
    ),
  ]);
});

/** What stands between two marks of a text. */
function part(xml: string, pattern: RegExp): string {
  return pattern.exec(xml)?.[0] ?? "";
}

const EVIL: Partial<Said> = { nameId: "subject-evil", email: "evil@example.com" };
const SIGNATURE = /<Signature [\s\S]*<\/Signature>/;
const WHOLE = /<saml:Assertion [\s\S]*<\/saml:Assertion>/;

/** Each is a right answer but for one thing; the evil ones want to be somebody else by a signature that is not theirs. */
const FORGED: readonly (readonly [string, (said: Said) => string])[] = [
  ["without a signature", (said) => responseXml(said, assertionXml(said))],
  [
    "whose response is signed, and not the assertion",
    (said) => signed(responseXml(said, assertionXml(said)), key, "Response"),
  ],
  ["signed by another key", (said) => responseXml(said, signed(assertionXml(said), another))],
  ["changed after it was signed", (said) => right({ ...said, ...EVIL }).replace("subject-evil", "subject-2")],
  ["with another group after it was signed", (said) => right(said).replace("others", "finance")],
  ["with a signature that is empty", (said) => right(said).replace(/<SignatureValue>[^<]*/, "<SignatureValue>")],
  ["with a digest that is of something else", (said) => right(said).replace(/<DigestValue>[^<]*/, "<DigestValue>AAAA")],
  ["for another audience", (said) => right({ ...said, audience: "https://other.example" })],
  ["of another issuer", (said) => right({ ...said, ...EVIL, issuer: "https://evil.example" })],
  ["that has ended", (said) => right({ ...said, fromMs: said.fromMs - 900_000, untilMs: said.fromMs - 600_000 })],
  ["that begins later", (said) => right({ ...said, fromMs: said.untilMs, untilMs: said.untilMs + 600_000 })],
  ["issued long ago, whatever end it names", (said) => right({ ...said, issuedMs: said.issuedMs - 3_600_000 })],
  ["sent to another address", (said) => right({ ...said, recipient: "https://other.example/acs" })],
  [
    "that answers another request",
    (said) => responseXml(said, signed(assertionXml({ ...said, request: `_${"0".repeat(40)}` }), key)),
  ],
  [
    "that says of no request, as one that was stolen elsewhere, in a response that does",
    (said) => {
      const confirmation = `<saml:SubjectConfirmationData Recipient="${said.recipient}" NotOnOrAfter="${new Date(said.untilMs).toISOString()}"/>`;
      return responseXml(said, signed(assertionXml({ ...said, confirmation }), key));
    },
  ],
  [
    "without a word of whom it is confirmed for",
    (said) => responseXml(said, signed(assertionXml({ ...said, confirmation: "" }), key)),
  ],
  [
    "with a NameID that is another one each time",
    (said) => right({ ...said, nameIdFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:transient" }),
  ],
  ["in no group that has a role", (said) => right({ ...said, groups: ["others"] })],
  ["with an address that is none", (said) => right({ ...said, email: "sam" })],
  [
    "wrapped: an evil one before the signed one",
    (said) => responseXml(said, assertionXml({ ...said, ...EVIL }, "_evil") + signed(assertionXml(said), key)),
  ],
  [
    "wrapped: an evil one behind the signed one",
    (said) => responseXml(said, signed(assertionXml(said), key) + assertionXml({ ...said, ...EVIL }, "_evil")),
  ],
  [
    "wrapped: an evil one with the signed one inside, and its signature",
    (said) => {
      const good = signed(assertionXml(said), key);
      const evil = assertionXml({ ...said, ...EVIL }, "_evil");
      const signature = part(good, SIGNATURE).replace(
        "</Signature>",
        `<Object>${good.replace(SIGNATURE, "")}</Object></Signature>`,
      );
      return responseXml(said, evil.replace("</saml:Issuer>", `</saml:Issuer>${signature}`));
    },
  ],
  [
    "wrapped: an evil one of the same id around the signed one",
    (said) => {
      const good = signed(assertionXml(said), key);
      return responseXml(
        said,
        assertionXml({ ...said, ...EVIL }).replace("</saml:Assertion>", `${good}</saml:Assertion>`),
      );
    },
  ],
  [
    "wrapped: the signed one among the extensions",
    (said) =>
      responseXml(said, assertionXml({ ...said, ...EVIL }, "_evil")).replace(
        "<samlp:Status>",
        `<samlp:Extensions>${signed(assertionXml(said), key)}</samlp:Extensions><samlp:Status>`,
      ),
  ],
  [
    "wrapped: a signed response inside an evil one",
    (said) => {
      const good = signed(responseXml(said, assertionXml(said)), key, "Response");
      const evil = responseXml(said, assertionXml({ ...said, ...EVIL }, "_evil")).replace(
        'ID="_response"',
        'ID="_evil-response"',
      );
      return evil.replace("</samlp:Response>", `<samlp:Extensions>${good}</samlp:Extensions></samlp:Response>`);
    },
  ],
  [
    "with the signature of the good one around an evil one of its id",
    (said) => {
      const signature = part(signed(assertionXml(said), key), SIGNATURE);
      return responseXml(
        said,
        assertionXml({ ...said, ...EVIL }).replace("</saml:Issuer>", `</saml:Issuer>${signature}`),
      );
    },
  ],
  [
    "with an entity that names a file",
    (said) => `<!DOCTYPE x [<!ENTITY who SYSTEM "file:///etc/passwd">]>${right(said).replace("subject-1", "&who;")}`,
  ],
  ["cut off", (said) => right(said).slice(0, -40)],
  ["twice, in one", (said) => responseXml(said, part(right(said), WHOLE).repeat(2))],
  ["that is no XML", () => "no XML"],
  ["that is nothing", () => ""],
];

describe("an answer", () => {
  test.each(FORGED)("%s signs nobody in", async (_, forge) => {
    const { browser, said } = await begin();
    expect([await post(browser, forge(said)), browser.cookies.has(SESSION)]).toEqual([REFUSED, false]);
  });

  test("with a comment inside a name is of the whole name, and never of its beginning", async () => {
    // Signed so, by a provider that lets its people choose names; and put in afterwards, which the signature does not see.
    for (const forge of [
      (said: Said) => right({ ...said, nameId: "subject-1<!-- -->.evil" }),
      (said: Said) => right({ ...said, nameId: "subject-1.evil" }).replace("subject-1.evil", "subject-1<!-- -->.evil"),
    ]) {
      const { browser, said } = await begin({ email: "comment@example.com", groups: ["finance"] });
      const first = await whoAmI((await signedIn()).browser);
      const where = await post(browser, forge(said));
      if (where === REFUSED) continue;
      expect((await whoAmI(browser)).actor).not.toBe(first.actor);
    }
  });

  test("counts once: again in the same browser, at once, or in another one it signs nobody in", async () => {
    const { browser, said } = await begin();
    const xml = right(said);
    const kept = browser.cookies.get("__Host-tollhouse-saml") as string;
    const other = new MemberBrowser(world.url);
    expect(await post(other, xml)).toBe(REFUSED);
    await other.ask("GET", "/api/sign-in/saml");
    expect(await post(other, xml)).toBe(REFUSED);
    const twins = [browser, new MemberBrowser(world.url), new MemberBrowser(world.url)];
    for (const twin of twins) twin.cookies.set("__Host-tollhouse-saml", kept);
    const where = await Promise.all(twins.map((twin) => post(twin, xml)));
    expect(where.toSorted()).toEqual(["/dashboard", REFUSED, REFUSED]);
  });

  test("that comes after ten minutes is too late", async () => {
    const { browser, said } = await begin();
    await world.database.db.query("UPDATE sign_in_requests SET made_at = now() - interval '11 minutes' WHERE id = $1", [
      said.request,
    ]);
    expect(await post(browser, right(said))).toBe(REFUSED);
  });

  test("is read as a form here alone", async () => {
    const form = {
      body: "a=b",
      headers: { "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin" },
    };
    for (const path of ["/api/sign-in/password", "/api/sign-in/owner", "/api/sign-in/invitation"])
      expect([path, (await new MemberBrowser(world.url).ask("POST", path, form)).code]).toEqual([
        path,
        "REQUEST_INVALID",
      ]);
  });
});

async function signedIn(): Promise<Begun> {
  const begun = await begin();
  expect(await post(begun.browser, right(begun.said))).toBe("/dashboard");
  return begun;
}
