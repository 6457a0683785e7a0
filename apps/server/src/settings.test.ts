import { verifierKey } from "@tollhouse/ledger";
import { describe, expect, test } from "vitest";
import { sha256 } from "@tollhouse/store";
import { configFile, isLoopbackHost, loadSettings, secretsOf, SettingsError } from "./settings.ts";
import type { Settings, SettingsInput } from "./settings.ts";
import { SETTINGS } from "./settings-table.ts";

function load(input: Partial<SettingsInput> = {}): Settings {
  return loadSettings({ env: {}, argv: [], yamlText: null, cwd: "/srv/tollhouse", ...input });
}

/** `name: problem` of everything that is wrong. */
function problemsOf(input: Partial<SettingsInput>): string[] {
  try {
    load(input);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems.map(({ name, problem }) => `${name}: ${problem}`);
    throw error;
  }
  return [];
}

const MASTER = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

describe("defaults", () => {
  test("nothing set is a working installation for one machine", () => {
    const settings = load();
    expect(settings).toMatchObject({
      host: "127.0.0.1",
      port: 8787,
      dataDir: "/srv/tollhouse/data",
      databaseUrl: null,
      redisUrls: null,
      masterKey: null,
      adminKey: null,
      defaultBudget: 10_000_000_000n,
      strictMode: false,
      auth: "open",
      failMode: "closed",
      logLevel: "info",
      spoolSync: "interval",
      verificationThreads: 1,
      spoolBytesMax: 2 ** 30,
      bodyBytesMax: 32 * 2 ** 20,
      shutdownGraceSeconds: 20,
      upstreamHeadersSeconds: 600,
      upstreamChunkSeconds: 300,
      drainCallsMax: 64,
      drainSeconds: 120,
      bodyBytesInFlightMax: 512 * 2 ** 20,
      tenantSharePercent: 50,
      connectionsMax: 16_384,
      eventLoopLagMs: 200,
      roles: ["gateway", "control", "jobs"],
      nodeName: null,
      failOpenAllowance: 1_000_000_000n,
      configurationStaleSeconds: 60,
      demo: false,
    });
    expect(settings.providers.map(({ name, baseUrl, apiKey }) => [name, baseUrl, apiKey])).toEqual([
      ["openai", "https://api.openai.com/v1", null],
      ["anthropic", "https://api.anthropic.com", null],
      ["gemini", "https://generativelanguage.googleapis.com", null],
    ]);
  });

  test("an empty variable counts as not set, except where empty means none", () => {
    expect(load({ env: { OPENAI_API_KEY: "", TOLLHOUSE_PORT: " ".trim(), LOG_LEVEL: "" } }).logLevel).toBe("info");
    expect(load({ env: { DEFAULT_BUDGET: "" } }).defaultBudget).toBeNull();
  });
});

describe("default budget", () => {
  test.each([
    ["0", null],
    ["0.00", null],
    ["25", 25_000_000_000n],
    ["10.10", 10_100_000_000n],
    ["0.000000001", 1n],
    ["9000000000", 9_000_000_000_000_000_000n],
  ])("%j is read exactly", (text, nano) => {
    expect(load({ env: { DEFAULT_BUDGET: text } }).defaultBudget).toBe(nano);
  });

  test.each(["-1", "1e9", "NaN", "$5", "1,000", "0.0000000001", "9000000001", "1.", ".5", "0x10"])(
    "%j is refused by name",
    (text) => {
      expect(problemsOf({ env: { DEFAULT_BUDGET: text } })).toEqual([
        `DEFAULT_BUDGET: expected US dollars with at most nine places, such as \`10.00\`, got "${text}"`,
      ]);
    },
  );

  test("from the file it never passes through a float", () => {
    // As a YAML float this is 100000000.123456790 and more.
    expect(load({ yamlText: "default_budget: 100000000.123456789" }).defaultBudget).toBe(100_000_000_123_456_789n);
  });
});

describe("where a setting comes from", () => {
  test("a flag wins over the environment, the environment over the file", () => {
    const yamlText = "port: 1\nhost: localhost\nstrict_mode: true";
    expect(load({ yamlText })).toMatchObject({ port: 1, host: "localhost", strictMode: true });
    expect(load({ yamlText, env: { TOLLHOUSE_PORT: "2" } }).port).toBe(2);
    expect(load({ yamlText, env: { TOLLHOUSE_PORT: "2" }, argv: ["--port", "3"] }).port).toBe(3);
    expect(load({ argv: ["--port=4", "--demo", "--data-dir", "/d", "--role", "gateway"] })).toMatchObject({
      port: 4,
      demo: true,
      dataDir: "/d",
      roles: ["gateway"],
    });
  });

  test("roles are a list: the flag may be repeated, the variable has commas, and the order says nothing", () => {
    expect(load({ argv: ["--role", "jobs", "--role=gateway"] }).roles).toEqual(["gateway", "jobs"]);
    expect(load({ env: { TOLLHOUSE_ROLE: "control, gateway" } }).roles).toEqual(["gateway", "control"]);
    const apart = { DATABASE_URL: "postgres://db/x", REDIS_URL: "redis://r", TOLLHOUSE_MASTER_KEY: MASTER };
    expect(load({ env: apart, argv: ["--role", "jobs"] }).roles).toEqual(["jobs"]);
  });

  test("the file is tollhouse.yaml if it is there, or the one that is named", () => {
    expect(configFile([])).toEqual({ path: "tollhouse.yaml", required: false });
    expect(configFile(["--demo", "--config", "other.yaml"])).toEqual({ path: "other.yaml", required: true });
  });

  test("an empty file sets nothing", () => {
    expect(load({ yamlText: "# nothing yet\n" }).port).toBe(8787);
  });
});

describe("wrong settings stop the start", () => {
  test("every one of them is named, with what was expected", () => {
    const problems = problemsOf({
      env: { TOLLHOUSE_PORT: "70000", STRICT_MODE: "yes", LOG_LEVEL: "warn", FAIL_MODE: "maybe" },
      yamlText: "spool_bytes_max: 3 GB",
    });
    expect(problems).toEqual([
      'TOLLHOUSE_PORT: expected a whole number from 0 to 65535, got "70000"',
      'STRICT_MODE: expected `true` or `false`, got "yes"',
      'FAIL_MODE: expected `closed` or `open`, got "maybe"',
      'LOG_LEVEL: expected `debug` or `info` or `warning` or `error`, got "warn"',
      'spool_bytes_max: expected a number of bytes from 16 MiB to 1 TiB, such as `64 MiB`, got "3 GB"',
    ]);
  });

  test("an unknown variable, key or flag is named, with the one that was meant", () => {
    expect(problemsOf({ env: { TOLLHOUSE_PROT: "1" } })).toEqual([
      "TOLLHOUSE_PROT: unknown setting; did you mean TOLLHOUSE_PORT?",
    ]);
    expect(problemsOf({ yamlText: "default_bugdet: 5" })).toEqual([
      "default_bugdet: unknown setting; did you mean default_budget?",
    ]);
    expect(problemsOf({ yamlText: "TOLLHOUSE_PORT: 5" })).toEqual([
      "TOLLHOUSE_PORT: unknown setting; did you mean port?",
    ]);
    expect(problemsOf({ argv: ["--dmeo"] })).toEqual(["--dmeo: unknown flag; did you mean --demo?"]);
    expect(problemsOf({ argv: ["--port"] })).toEqual(["--port: expected a value"]);
    expect(problemsOf({ argv: ["--role", "jbos"] })).toEqual([
      'TOLLHOUSE_ROLE: expected `gateway`, `control`, `jobs`, or several of them with commas between them, got "jbos"',
    ]);
  });

  test("variables that Kubernetes makes for a Service named tollhouse do not", () => {
    const env = {
      TOLLHOUSE_PORT: "tcp://10.0.0.7:8787",
      TOLLHOUSE_SERVICE_HOST: "10.0.0.7",
      TOLLHOUSE_SERVICE_PORT_HTTP: "8787",
      TOLLHOUSE_PORT_8787_TCP_ADDR: "10.0.0.7",
    };
    expect(load({ env }).port).toBe(8787);
  });

  test("variables of the command line, and of the commands in docs/api.md, do not", () => {
    const env = {
      TOLLHOUSE_URL: "http://127.0.0.1:8787",
      TOLLHOUSE_KEY: "th_dev_x",
      TOLLHOUSE_PROFILE: "home",
      TOLLHOUSE_PROFILES: "/p.json",
      TOLLHOUSE_ENVIRONMENT: "dev",
      TOLLHOUSE_TENANT: "acme",
    };
    expect(load({ env }).port).toBe(8787);
  });

  test("a file that is no mapping, or no YAML, is refused", () => {
    expect(problemsOf({ yamlText: "- a\n- b" })).toEqual(["tollhouse.yaml: expected `name: value` lines"]);
    expect(problemsOf({ yamlText: "port: [1" })[0]).toMatch(/^tollhouse\.yaml: expected valid YAML: /);
    expect(problemsOf({ yamlText: "port: 1\nport: 2" })[0]).toMatch(/unique/);
    expect(problemsOf({ yamlText: "port:\n  a: 1" })[0]).toMatch(/^port: expected a whole number/);
  });

  test("the value of a secret is never repeated", () => {
    const canary = "canary secret 4711";
    const secrets = Object.values(SETTINGS).filter((setting) => setting.secret);
    const error = problemsOf({
      env: Object.fromEntries(secrets.map((setting) => [setting.variable, canary])),
      yamlText: `providers: [{name: x, base_url: "http://x/", dialect: openai, api_key: ${canary}}]`,
    });
    expect(error).toHaveLength(secrets.length + 1);
    expect(error.join("\n")).not.toContain("canary");
  });
});

describe("open mode", () => {
  test.each(["127.0.0.1", "127.8.9.10", "::1", "localhost"])("is the default on %s", (host) => {
    expect(load({ env: { TOLLHOUSE_HOST: host } }).auth).toBe("open");
  });

  test.each(["0.0.0.0", "::", "192.168.1.4", "gateway.example.com", "127.0.0.1.example.com"])(
    "is refused on %s, where keys are required unasked",
    (host) => {
      expect(load({ env: { TOLLHOUSE_HOST: host } }).auth).toBe("required");
      expect(problemsOf({ env: { TOLLHOUSE_HOST: host, TOLLHOUSE_AUTH: "open" } })).toEqual([
        `TOLLHOUSE_AUTH: expected \`required\`, because TOLLHOUSE_HOST (${host}) is not a loopback address`,
      ]);
    },
  );

  test("a bracketed IPv6 address is the address", () => {
    expect(load({ env: { TOLLHOUSE_HOST: "[::1]" } }).host).toBe("::1");
    expect(isLoopbackHost("1270.0.0.1")).toBe(false);
  });
});

describe("keys and addresses", () => {
  test("the master key is 32 bytes, in hexadecimal or base64", () => {
    const bytes = Buffer.from(MASTER, "hex");
    for (const text of [MASTER, bytes.toString("base64"), bytes.toString("base64url")])
      expect(load({ env: { TOLLHOUSE_MASTER_KEY: text } }).masterKey?.equals(bytes)).toBe(true);
    for (const text of [MASTER.slice(2), `${MASTER}00`, "short"])
      expect(problemsOf({ env: { TOLLHOUSE_MASTER_KEY: text } })).toHaveLength(1);
  });

  test("a database of one's own needs a master key of one's own", () => {
    const env = { DATABASE_URL: "postgres://u:p@db/tollhouse" };
    expect(problemsOf({ env })[0]).toMatch(/^TOLLHOUSE_MASTER_KEY: expected 32 bytes/);
    expect(load({ env: { ...env, TOLLHOUSE_MASTER_KEY: MASTER } }).databaseUrl).toBe(env.DATABASE_URL);
  });

  test("base URLs lose their last slash and may not carry credentials", () => {
    const baseUrl = (text: string) => load({ env: { OPENAI_BASE_URL: text } }).providers[0]?.baseUrl;
    expect(baseUrl("http://localhost:9/v1/")).toBe("http://localhost:9/v1");
    for (const text of ["ftp://x/", "api.openai.com/v1", "https://u:p@x/", "https://x/?a=1", "https://x/#a"])
      expect(problemsOf({ env: { OPENAI_BASE_URL: text } })).toHaveLength(1);
  });

  test("several Redis addresses are one cluster", () => {
    const redisUrls = ["redis://a:1", "redis://b:2"];
    const env = { DATABASE_URL: "postgres://db/x", TOLLHOUSE_MASTER_KEY: MASTER };
    expect(load({ env: { ...env, REDIS_URL: redisUrls.join(", ") } }).redisUrls).toEqual(redisUrls);
    for (const REDIS_URL of ["http://a", "redis://a,rediss://b", "redis://a?db=1", "redis+sentinel://:pw@a"])
      expect(problemsOf({ env: { ...env, REDIS_URL } })).toEqual([expect.stringMatching(/^REDIS_URL: expected a URL/)]);
  });

  test("shared counters need the database and the master key that all processes share, each asked for by name", () => {
    const problems = problemsOf({ env: { REDIS_URL: "redis://r" } });
    expect(problems).toEqual([expect.stringMatching(/^DATABASE_URL: expected .*, because REDIS_URL is set$/)]);
    expect(problemsOf({ env: { REDIS_URL: "redis://r", DATABASE_URL: "postgres://db/x" } })).toEqual([
      expect.stringMatching(/^TOLLHOUSE_MASTER_KEY: expected .*, because DATABASE_URL is set$/),
    ]);
  });

  test("with counters in memory, a process that admits no calls would count for nobody", () => {
    expect(problemsOf({ argv: ["--role", "control,jobs"] })).toEqual([
      expect.stringMatching(/^TOLLHOUSE_ROLE: expected `gateway` among the roles, because REDIS_URL is not set/),
    ]);
  });

  test("witnesses are told apart by their keys, and read strictly", () => {
    const word = (name: string, fill: number, algorithm: 1 | 4 = 4): string =>
      verifierKey(sha256, { name, algorithm, publicKey: Buffer.alloc(32, fill) });
    const [one, two] = [
      `https://w1.example/log/ ${word("w1.example", 1)}`,
      `http://127.0.0.1:9 ${word("w2.example", 2)}`,
    ];
    const { witnesses } = load({ env: { TOLLHOUSE_WITNESSES: `${one}, ${two}` } });
    expect(witnesses?.map(({ url, key }) => [url, key.name])).toEqual([
      ["https://w1.example/log", "w1.example"],
      ["http://127.0.0.1:9", "w2.example"],
    ]);
    for (const text of [
      "https://w1.example",
      word("w1.example", 1),
      `https://me:pass@w1.example ${word("w1.example", 1)}`,
      `ftp://w1.example ${word("w1.example", 1)}`,
      `https://w1.example ${word("tollhouse/a/b", 1, 1)}`,
      `https://w1.example ${word("w1.example", 1).replace(/\+[0-9a-f]{8}\+/, "+00000000+")}`,
      `${one}, https://w3.example ${word("other", 1)}`,
      `${one},`,
    ])
      expect(problemsOf({ env: { TOLLHOUSE_WITNESSES: text } }), text).toEqual([
        expect.stringMatching(
          /^TOLLHOUSE_WITNESSES: expected an http or https URL, a space and the public key of a witness/,
        ),
      ]);
  });

  test("places that checkpoints go to need what is signed with, asked for by name, and are read strictly", () => {
    const places = {
      TOLLHOUSE_CHECKPOINT_WEBHOOKS: "https://a.example/hook?to=1, http://127.0.0.1:9/",
      TOLLHOUSE_CHECKPOINT_BUCKET: "https://s3.example/audit/ledger/",
    };
    expect(problemsOf({ env: places })).toEqual([
      expect.stringMatching(/^TOLLHOUSE_CHECKPOINT_WEBHOOK_SECRET: expected .* TOLLHOUSE_CHECKPOINT_WEBHOOKS is set$/),
      expect.stringMatching(
        /^TOLLHOUSE_CHECKPOINT_BUCKET_CREDENTIALS: expected .* TOLLHOUSE_CHECKPOINT_BUCKET is set$/,
      ),
    ]);
    const signing = {
      TOLLHOUSE_CHECKPOINT_WEBHOOK_SECRET: `whsec_${Buffer.alloc(24, 7).toString("base64")}`,
      TOLLHOUSE_CHECKPOINT_BUCKET_CREDENTIALS: "AKIA:s/e+c:ret",
    };
    const settings = load({ env: { ...places, ...signing } });
    expect(settings.checkpointWebhooks).toEqual(["https://a.example/hook?to=1", "http://127.0.0.1:9/"]);
    expect(settings.checkpointWebhookSecret).toEqual(Buffer.alloc(24, 7));
    expect(settings.checkpointBucket).toBe("https://s3.example/audit/ledger");
    expect(settings.checkpointBucketCredentials).toEqual({ accessKeyId: "AKIA", secretAccessKey: "s/e+c:ret" });
    for (const [variable, text] of [
      ["TOLLHOUSE_CHECKPOINT_WEBHOOKS", "ftp://a.example"],
      ["TOLLHOUSE_CHECKPOINT_WEBHOOKS", "https://me:pass@a.example"],
      ["TOLLHOUSE_CHECKPOINT_WEBHOOK_SECRET", "whsec_c2hvcnQ="],
      ["TOLLHOUSE_CHECKPOINT_BUCKET", "https://s3.example"],
      ["TOLLHOUSE_CHECKPOINT_BUCKET", "https://s3.example/audit/a%20b"],
      ["TOLLHOUSE_CHECKPOINT_BUCKET_REGION", "EU"],
      ["TOLLHOUSE_CHECKPOINT_BUCKET_CREDENTIALS", "AKIA"],
    ] as const)
      expect(problemsOf({ env: { ...places, ...signing, [variable]: text } }), text).toEqual([
        expect.stringMatching(new RegExp(`^${variable}: expected `)),
      ]);
  });

  test("all secrets are listed for redaction, in each spelling they have", () => {
    const secrets = secretsOf(
      load({
        env: {
          OPENAI_API_KEY: "sk-canary-1",
          TOLLHOUSE_ADMIN_KEY: "admin-canary-of-20-or-more",
          TOLLHOUSE_MASTER_KEY: MASTER,
          DATABASE_URL: "postgres://u:p%40ss@db/x",
          REDIS_URL: "redis+sentinel://:redispass@r/m?sentinel_password=sentinel%26pass",
        },
      }),
    );
    expect(secrets).toEqual(
      expect.arrayContaining([
        "sk-canary-1",
        "admin-canary-of-20-or-more",
        MASTER,
        "p%40ss",
        "p@ss",
        "redispass",
        "sentinel&pass",
      ]),
    );
  });
});

describe("further providers", () => {
  const own = (entry: string) => ({ yamlText: `providers:\n  - {${entry}}` });
  const base = "name: groq, base_url: https://api.groq.com/openai/v1/, dialect: openai";

  test("carry base URL, dialect, credential and prices", () => {
    const [, , , groq] = load({ ...own(`${base}, api_key_env: GROQ_KEY`), env: { GROQ_KEY: "gsk-1" } }).providers;
    expect(groq).toEqual({
      name: "groq",
      baseUrl: "https://api.groq.com/openai/v1",
      dialect: "openai",
      apiKey: "gsk-1",
      auth: "bearer",
      prices: "book",
    });
    const [, , , local] = load(
      own("name: local, base_url: http://localhost:11434/v1, dialect: openai, prices: free"),
    ).providers;
    expect(local).toMatchObject({ auth: "none", apiKey: null, prices: "free" });
    expect(load(own(base)).providers[3]).toMatchObject({ auth: "bearer", apiKey: null });
    expect(load(own(`${base}, api_key: k, auth: api-key`)).providers[3]).toMatchObject({
      auth: "api-key",
      apiKey: "k",
    });
  });

  test("own prices are exact pico-dollars", () => {
    const rows = "prices: [{model: m, input: 0.0125, output: 10, image: 0.04}]";
    expect(load(own(`${base}, api_key: k, ${rows}`)).providers[3]?.prices).toEqual([
      { model: "m", pico: { input: 12_500n, output: 10_000_000n, image: 40_000_000_000n } },
    ]);
  });

  test.each([
    [
      "name: v1, base_url: http://x, dialect: openai",
      /^providers\[0\]\.name: expected a name that is no path of Tollhouse/,
    ],
    ["name: Up, base_url: http://x, dialect: openai", /^providers\[0\]\.name: expected a name of lower-case/],
    ["name: x, base_url: nonsense, dialect: openai", /^providers\[0\]\.base_url: expected an http/],
    ["name: x, base_url: http://x, dialect: cohere", /^providers\[0\]\.dialect: expected `openai`/],
    ["name: x, base_url: http://x, dialect: openai, auth: basic", /^providers\[0\]\.auth: expected one of bearer/],
    [`${base}, api_key: a, api_key_env: B`, /^providers\[0\]\.api_key_env: expected only one/],
    [`${base}, api_key_env: NOT_SET`, /^providers\[0\]\.api_key_env: expected a variable that is set/],
    [`${base}, api_key: a, prices: cheap`, /^providers\[0\]\.prices.*: expected `book`, `free`/],
    [`${base}, api_key: a, prices: [{model: m, inptu: 1}]`, /^providers\[0\]\.prices\[0\]: .*inptu/],
    [
      `${base}, api_key: a, prices: [{model: m, input: 1e3}]`,
      /^providers\[0\]\.prices\[0\]\.input: expected US dollars for a million tokens/,
    ],
    [`${base}, apikey: a`, /^providers\[0\]: .*apikey/],
  ])("{%s} is refused by name", (entry, expected) => {
    expect(problemsOf(own(entry)).join("\n")).toMatch(expected);
  });

  test("two of one name are refused", () => {
    const entry = "{name: x, base_url: http://x, dialect: openai}";
    expect(problemsOf({ yamlText: `providers: [${entry}, ${entry}]` })).toEqual([
      "providers[1].name: expected a name that no other provider has",
    ]);
  });
});
