import { describe, expect, test } from "vitest";
import { grantOf } from "../keys/key-grant.ts";
import { identify, isLoopbackHost, type Identity, type IdentifyRefusal, type IdentifySettings } from "./identify.ts";
import { readRequestHeaders } from "./request-headers.ts";

/** Not spelled like a key of ours: the operator may choose any. */
const ADMIN = "correct-horse-battery-staple";
const base: IdentifySettings = {
  auth: "open",
  strict: false,
  tenant: "t",
  environment: "prod",
  isAdminKey: (text) => text === ADMIN,
  findKey: () => "KEY_INVALID",
};

interface Asked {
  readonly settings?: Partial<IdentifySettings>;
  readonly headers?: readonly string[];
  readonly query?: string;
  readonly forwardsOwn?: boolean;
}

function ask({ settings, headers = [], query = "", forwardsOwn = false }: Asked): Identity | IdentifyRefusal {
  const given = readRequestHeaders(["host", "localhost:8787", ...headers]);
  return identify(given, query, { ...base, ...settings }, forwardsOwn);
}

function identity(asked: Asked): Identity {
  const answer = ask(asked);
  if ("code" in answer) throw new Error(`refused: ${answer.code}`);
  return answer;
}

describe("open mode and the host", () => {
  test.each(["localhost", "localhost:8787", "127.0.0.1:8787", "127.9.8.7", "[::1]:8787", "[::1]", "app.localhost:1"])(
    "%s is answered",
    (host) => expect(isLoopbackHost(host)).toBe(true),
  );

  test.each([
    "",
    "example.com",
    "localhost.example.com",
    "127.0.0.1.example.com",
    "127.0.0.1.nip.io:80",
    "notlocalhost",
    "example.com:.localhost",
    "0.0.0.0",
    "192.168.0.1",
    "[::2]",
    "[::1",
    "[fe80::1]",
    "1.127.0.0.1",
  ])("%j could be anybody's name for this machine, and is refused", (host) => {
    expect(isLoopbackHost(host)).toBe(false);
    const headers = readRequestHeaders(["host", host, "authorization", `Bearer ${ADMIN}`]);
    expect(identify(headers, "", base, false)).toMatchObject({ code: "HOST_NOT_ALLOWED" });
  });

  test("with keys required the host does not matter", () => {
    const headers = readRequestHeaders(["host", "ai.example.com", "authorization", `Bearer ${ADMIN}`]);
    expect(identify(headers, "", { ...base, auth: "required" }, false)).toMatchObject({ key: "key_admin" });
  });
});

describe("who calls", () => {
  test.each([[[]], [["authorization", "Bearer sk-other"]], [["authorization", "Bearer th_prod_x"]]])(
    "where keys are required %j is refused, in the same words",
    (headers) => {
      const refused = { code: "KEY_INVALID", message: "The key is missing or not valid", param: null };
      expect(ask({ settings: { auth: "required" }, headers })).toEqual(refused);
    },
  );

  test("a wrong key of ours is refused in open mode too", () => {
    for (const headers of [
      ["authorization", "Bearer th_prod_x"],
      ["x-api-key", "th_prod_x"],
    ])
      for (const forwardsOwn of [true, false])
        expect(ask({ headers, forwardsOwn })).toMatchObject({ code: "KEY_INVALID" });
    expect(ask({ query: "key=th_prod_x" })).toMatchObject({ code: "KEY_INVALID" });
  });

  test("the query's key counts only where no header has one", () => {
    expect(identity({ query: "alt=sse&key=AIza-1", forwardsOwn: true }).passThrough).toBe("AIza-1");
    const both = { query: "key=AIza-1", headers: ["x-goog-api-key", "AIza-2"], forwardsOwn: true };
    expect(identity(both).passThrough).toBe("AIza-2");
  });
});

describe("a key of ours", () => {
  const key = { id: "key_1", environment: "dev", version: 1, hash: new Uint8Array(32), previousHash: null };
  const times = { previousUntilMs: null, expiresMs: null, revokedMs: null, createdMs: 0 };
  const rules = {
    name: "k",
    permissions: ["call" as const],
    fixed: { team: "a" },
    settable: [],
    models: null,
    requests_per_minute: null,
    tokens_per_minute: null,
  };
  const grant = grantOf("b".repeat(32), { ...key, ...times, rules }, null);
  const findKey: IdentifySettings["findKey"] = (text) =>
    text === "th_good" ? grant : text === "th_old" ? "KEY_EXPIRED" : "KEY_INVALID";

  test("binds environment, key and dimensions, in open mode too, and never goes upstream", () => {
    for (const auth of ["open", "required"] as const)
      for (const headers of [
        ["authorization", "Bearer th_good"],
        ["authorization", "Bearer sk-own", "x-goog-api-key", "th_good"],
        ["x-api-key", "th_good", "authorization", "Bearer sk-own"],
      ])
        expect(
          identity({ settings: { auth, findKey }, headers: [...headers, "x-session-id", "s"], forwardsOwn: true }),
        ).toMatchObject({
          tenant: "b".repeat(32),
          environment: "dev",
          key: "key_1",
          dimensions: { team: "a" },
          ignored: ["session"],
          passThrough: null,
        });
  });

  test("counts in the query too, over any header that is none", () => {
    const asked = { settings: { findKey }, query: "key=th_good", headers: ["authorization", "Bearer sk-own"] };
    expect(identity(asked)).toMatchObject({ key: "key_1" });
  });

  test("that has ended is refused by its reason, and is not tried as anything else", () => {
    const headers = ["authorization", "Bearer th_old"];
    expect(ask({ settings: { findKey }, headers, forwardsOwn: true })).toMatchObject({ code: "KEY_EXPIRED" });
  });

  test("whose holder may not set the session has none, whatever the header says", () => {
    const headers = ["authorization", "Bearer th_good", "x-session-id", "s".repeat(300)];
    expect(identity({ settings: { findKey }, headers }).dimensions).toEqual({ team: "a" });
    expect(ask({ settings: { findKey, strict: true }, headers })).toMatchObject({ code: "IDENTITY_REQUIRED" });
  });
});

describe("what goes upstream as the credential", () => {
  const spellings = ["Bearer", "bearer", "BEARER", "BeArEr", "Bearer  "];

  test.each(spellings)("never the admin key, however it is sent (%s)", (scheme) => {
    for (const auth of ["open", "required"] as const)
      for (const headers of [
        ["authorization", `${scheme} ${ADMIN}`],
        ["x-api-key", ` ${ADMIN} `],
      ])
        expect(identity({ settings: { auth }, headers, forwardsOwn: true })).toMatchObject({
          key: "key_admin",
          passThrough: null,
        });
  });

  test.each(spellings)("never anything that looks like a key of ours (%s)", (scheme) => {
    expect(ask({ headers: ["authorization", `${scheme} th_prod_x`], forwardsOwn: true })).toMatchObject({
      code: "KEY_INVALID",
    });
  });

  test("the client's own only where the installation has none", () => {
    const headers = ["authorization", "Bearer sk-own"];
    expect(identity({ headers, forwardsOwn: true })).toMatchObject({ passThrough: "sk-own", key: null });
    expect(identity({ headers, forwardsOwn: false })).toMatchObject({ passThrough: null, key: null });
  });
});

describe("dimensions", () => {
  test("the query names the session only where no header does", () => {
    expect(identity({ query: "session_id=run-1" }).dimensions).toEqual({ session: "run-1" });
    const both = { query: "session_id=query", headers: ["x-session-id", "header"] };
    expect(identity(both).dimensions).toEqual({ session: "header" });
    expect(identity({ query: "session_id=" }).dimensions).toEqual({});
    expect(identity({ query: "other_session_id=x" }).dimensions).toEqual({});
  });

  test.each([
    ["control characters", "session_id=a%0ab", "session"],
    ["257 characters", `session_id=${"x".repeat(257)}`, "session"],
  ])("%s are refused by the dimension's name", (_, query, param) => {
    expect(ask({ query })).toMatchObject({ code: "REQUEST_INVALID", param });
  });

  test("256 characters are a value", () => {
    expect(identity({ query: `session_id=${"x".repeat(256)}` }).dimensions.session).toHaveLength(256);
  });

  test("strict mode asks for a session, from wherever it may come", () => {
    const settings = { strict: true };
    expect(ask({ settings, headers: ["x-user-id", "ada"] })).toMatchObject({ code: "IDENTITY_REQUIRED" });
    expect(identity({ settings, query: "session_id=s" }).dimensions.session).toBe("s");
    expect(identity({ settings, headers: ["x-session-id", "s"] }).dimensions.session).toBe("s");
  });
});
