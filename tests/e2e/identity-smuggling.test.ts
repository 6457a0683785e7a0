import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DIMENSION_HEADERS, DIMENSIONS, type Dimension, type KeyMade } from "@tollhouse/contract";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { rawConnection, rawRequest } from "./raw-http.ts";

// Whose a call is, is what the key says; what the holder may say is said once, whatever is sent beside it.

let world: StartedTollhouse;
/** Fixed to a customer; may name its session and nothing else. */
let bound: string;
/** May name what it likes. */
let free: string;

beforeAll(async () => {
  world = await startedTollhouse({ env: { TOLLHOUSE_AUTH: "required" } });
  const make = async (over: object): Promise<string> =>
    (await world.control<KeyMade>("POST", "/api/v1/keys", { name: "test", permissions: ["call", "record"], ...over }))
      .key;
  bound = await make({ fixed: { customer: "acme" }, settable: ["session"] });
  free = await make({});
  for (const name of ["gold", "free"]) await world.control("PUT", `/api/v1/plans/${name}`, {});
  await world.control("POST", "/api/v1/policies", {
    name: "gold may have more",
    attach: { plan: "gold" },
    priority: 0,
    mode: "enforce",
    models: { allow: ["gpt-4o-mini"] },
  });
});
afterAll(() => world.stop());

interface Told {
  readonly status: number;
  readonly ignored: readonly string[];
  readonly dimensions: Readonly<Record<string, string>>;
  readonly plan: string | null;
}

const CHAT = JSON.stringify({
  model: "gpt-4o-mini",
  messages: [{ role: "user", content: "Hi" }],
  max_tokens: 5,
});
const CHECK = JSON.stringify({
  provider: "openai",
  model: "gpt-4o-mini",
  input_tokens: 5,
  max_output_tokens: 5,
  reserve: true,
});
const DOORS = [
  { door: "gateway", path: "/v1/chat/completions", body: CHAT },
  { door: "SDK", path: "/sdk/check", body: CHECK },
] as const;
type Door = (typeof DOORS)[number];

/** Bytes as a client may write them: no client library tidies the headers. */
async function send({ path, body }: Door, key: string, headers: readonly string[], query = ""): Promise<Told> {
  const connection = rawConnection(world.url);
  const all = [`authorization: Bearer ${key}`, "connection: close", ...headers];
  connection.write(rawRequest(path + query, all, body));
  const text = await connection.closed();
  const header = (name: string): string | undefined => new RegExp(`^${name}: (.*)\r$`, "im").exec(text)?.[1];
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
  const ignored = header("x-tollhouse-ignored")?.split(", ") ?? [];
  const decision = header("x-tollhouse-decision");
  if (status !== 200) return { status, ignored, dimensions: {}, plan: null };
  if (path === "/sdk/check") {
    const record = JSON.stringify({
      decision_id: decision,
      provider: "openai",
      model: "gpt-4o-mini",
      usage: { prompt_tokens: 5, completion_tokens: 5 },
    });
    const recording = rawConnection(world.url);
    recording.write(rawRequest("/sdk/record", [`authorization: Bearer ${key}`, "connection: close"], record));
    expect(await recording.closed()).toMatch(/^HTTP\/1\.1 200/);
  }
  await world.recorded();
  const found = await world.control<{ dimensions: Record<string, string>; policy: { plan: string | null } | null }>(
    "GET",
    `/api/v1/decisions/${decision}`,
  );
  return { status, ignored, dimensions: found.dimensions, plan: found.policy?.plan ?? null };
}

const OTHERS = DIMENSIONS.filter((name) => name !== "session" && name !== "customer");

describe.each(DOORS)("at the $door", (door) => {
  test("no name, alias, spelling or number of headers moves a fixed dimension, sets one that may not be set, or a plan", async () => {
    const names = DIMENSIONS.filter((name) => name !== "session").flatMap((name) => DIMENSION_HEADERS[name]);
    const everything = [
      ...names.flatMap((name) => [`${name}: evil`, `${name.toUpperCase()}: evil2`, `${name}: acme, evil`]),
      "x-tollhouse-plan: gold",
      "X-Tollhouse-Plan: gold",
      "x_tollhouse_customer: evil",
      "x-session-id: run-1",
    ];
    const told = await send(door, bound, everything, "?customer=evil&user=evil&x-tollhouse-user=evil&plan=gold");
    expect(told).toMatchObject({ status: 200, dimensions: { customer: "acme", session: "run-1" }, plan: null });
    expect(Object.keys(told.dimensions).toSorted()).toEqual(["customer", "session"]);
    expect([...told.ignored].toSorted()).toEqual([...OTHERS, "customer", "plan"].toSorted());
  });

  test.each(DIMENSIONS)(
    "of several values for %s the first of our own name is the one, wherever an alias stands",
    async (name) => {
      const [own, ...aliases] = DIMENSION_HEADERS[name] as readonly [string, ...string[]];
      const alias = aliases.map((each) => `${each}: of-an-alias`);
      for (const headers of [
        [...alias, `${own}: first`, `${own}: second`, ...alias],
        [`${own}:`, ...alias, `${own}: first`],
      ])
        expect([headers, (await send(door, free, headers)).dimensions]).toEqual([headers, { [name]: "first" }]);
    },
  );

  test("of two sessions in the query the first is the one, and a header goes before both", async () => {
    const query = "?session_id=q1&session_id=q2";
    expect((await send(door, free, [], query)).dimensions).toEqual({ session: "q1" });
    expect((await send(door, free, ["x-session-id: h"], query)).dimensions).toEqual({ session: "h" });
    expect((await send(door, bound, [], query)).dimensions).toEqual({ customer: "acme", session: "q1" });
  });

  test("of two plans the first is the one", async () => {
    const told = await send(door, free, ["x-tollhouse-plan: gold", "x-tollhouse-plan: free"]);
    expect([told.status, told.plan]).toEqual([200, "gold"]);
  });

  test.each(["user", "session", "customer"] as const satisfies readonly Dimension[])(
    "a %s of 257 characters or with control characters is refused, and one that only looks like another is another",
    async (name) => {
      const header = DIMENSION_HEADERS[name][0];
      const bytes = (text: string): string => Buffer.from(text).toString("latin1");
      for (const value of ["x".repeat(257), bytes("é".repeat(257)), "a\tb", bytes("a\u0085b")])
        expect([value, (await send(door, free, [`${header}: ${value}`])).status]).toEqual([value, 400]);
      // Cyrillic, decomposed, full width, other case: none of them is `acmé`, and what was sent is what is kept.
      for (const value of [
        "acmé",
        "аcmé",
        "acme\u0301",
        "ａcmé",
        "ACMÉ",
        "x".repeat(256),
        "é".repeat(256),
        "a:b",
        "__proto__",
      ])
        expect((await send(door, free, [`${header}: ${bytes(value)}`])).dimensions).toEqual(
          Object.fromEntries([[name, value]]),
        );
    },
  );
});

test("at the SDK, a header and a body that differ are refused, and a body moves nothing that is fixed", async () => {
  const post = async (key: string, body: object, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
    fetch(`${world.url}/sdk/check`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
      body: JSON.stringify({ ...(JSON.parse(CHECK) as object), ...body }),
    });
  const differ = await post(free, { user: "a" }, { "x-tollhouse-user": "b" });
  expect([differ.status, await differ.text()]).toEqual([400, expect.stringContaining('"field":"user"')]);
  for (const body of [{ customer: "evil" }, { customer_id: "evil" }, { org_id: "evil" }, { customerId: "evil" }]) {
    const told = (await (await post(bound, body)).json()) as { ignored: string[]; allowed: boolean };
    expect([body, told.ignored]).toEqual([body, ["customer"]]);
  }
  for (const body of [
    { customer: "evil", org_id: "acme" },
    { tenant: "x" },
    { key: "x" },
    { environment: "dev" },
    { plan: "gold" },
  ])
    expect([body, (await post(bound, body)).status]).toEqual([body, 400]);
});
