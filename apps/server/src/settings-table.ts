import { optional, required, secret } from "./setting.ts";
import {
  baseUrl,
  bytes,
  checked,
  credential,
  flag,
  integer,
  oneOf,
  postgresUrl,
  readAllowance,
  readBucket,
  readBucketCredentials,
  readBudget,
  readCommand,
  readHost,
  readMasterKey,
  readPublicKeys,
  readRoles,
  readSeeds,
  redisUrlsOf,
  readWebhooks,
  readWebhookSecret,
  readWitnesses,
} from "./setting-text.ts";
import { SIGN_IN_SETTINGS } from "./single-sign-on/sign-in-settings.ts";

/** Every setting, in the order of `docs/settings.md`. */
export const SETTINGS = {
  host: required(
    "TOLLHOUSE_HOST",
    "127.0.0.1",
    checked("an IP address or a host name", readHost),
    "address to listen on",
  ),
  port: required("TOLLHOUSE_PORT", "8787", integer(0, 65_535), "port to listen on; `0` takes any free one"),
  dataDir: required(
    "TOLLHOUSE_DATA_DIR",
    "./data",
    checked("a path", (text) => (text.includes("\0") ? undefined : text)),
    "folder of the embedded database, the spool and generated keys; relative to where Tollhouse is started",
  ),
  databaseUrl: optional("DATABASE_URL", postgresUrl, "PostgreSQL 15 or newer; not set: the embedded one", secret),
  redisUrls: optional(
    "REDIS_URL",
    checked(
      "a URL such as `redis://user:password@host:6379`, or several of one Redis Cluster with commas between them, or `redis+sentinel://user:password@host:26379/name-of-the-master` of one Sentinel or several; `rediss…` over TLS",
      redisUrlsOf,
    ),
    "counters that several processes share; needs `DATABASE_URL`, and the same master key in all of them. Not set: counters are in memory, and one process runs a database",
    secret,
  ),
  roles: required(
    "TOLLHOUSE_ROLE",
    "gateway,control,jobs",
    checked("`gateway`, `control`, `jobs`, or several of them with commas between them", readRoles),
    "what this process does: calls and the SDK API, the control API and its pages, work in the background; without `REDIS_URL`, `gateway` is among them",
  ),
  nodeName: optional(
    "TOLLHOUSE_NODE_NAME",
    checked("1 to 100 visible ASCII characters without spaces", (text) =>
      /^[\x21-\x7e]{1,100}$/.test(text) ? text : undefined,
    ),
    "name of this process on the status page; not set: the name of its host",
  ),
  masterKey: optional(
    "TOLLHOUSE_MASTER_KEY",
    checked("32 bytes as 64 hexadecimal digits or as base64", readMasterKey),
    "root of all encryption and ledger keys; made and kept in the data folder with the embedded database, required with `DATABASE_URL`",
    secret,
  ),
  ledgerSigningKeys: optional(
    "TOLLHOUSE_LEDGER_SIGNING_KEY",
    checked("Ed25519 seeds of 32 bytes as 64 hexadecimal digits or as base64, with commas between them", readSeeds),
    "signs the ledger's checkpoints: the first signs, the others signed earlier; not set: a key for each tenant is derived from the master key",
    secret,
  ),
  ledgerSigningKeyFile: optional(
    "TOLLHOUSE_LEDGER_SIGNING_KEY_FILE",
    checked("a path", (text) => text),
    "the same in a file that others may not read: Ed25519 keys as PEM (PKCS #8), or seeds. The first of them signs; those of `TOLLHOUSE_LEDGER_SIGNING_KEY` are then earlier ones",
  ),
  ledgerSigningCommand: optional(
    "TOLLHOUSE_LEDGER_SIGNING_COMMAND",
    checked("a program and its arguments with spaces between them, without quotes, backslashes and `$`", readCommand),
    "signs instead, for a key that is in a key service or module: it reads what is signed from its standard input, and writes the Ed25519 signature to its standard output, as 64 bytes or base64. It is not given our secrets. Needs `TOLLHOUSE_LEDGER_PUBLIC_KEYS`",
  ),
  ledgerPublicKeys: optional(
    "TOLLHOUSE_LEDGER_PUBLIC_KEYS",
    checked(
      "Ed25519 public keys with commas between them, each of 32 bytes as 64 hexadecimal digits or base64, or as SubjectPublicKeyInfo in base64",
      readPublicKeys,
    ),
    "the public key of that command, and then those of keys that signed earlier and are gone: what they signed goes on to verify",
  ),
  checkpointWebhooks: optional(
    "TOLLHOUSE_CHECKPOINT_WEBHOOKS",
    checked("http or https URLs without credentials or fragment, with commas between them", readWebhooks),
    "who is sent the newest checkpoint of each ledger, as a webhook (standardwebhooks.com); needs `TOLLHOUSE_CHECKPOINT_WEBHOOK_SECRET`",
    secret,
  ),
  checkpointWebhookSecret: optional(
    "TOLLHOUSE_CHECKPOINT_WEBHOOK_SECRET",
    checked("`whsec_` and 24 to 64 bytes as base64", readWebhookSecret),
    "signs those webhooks",
    secret,
  ),
  checkpointBucket: optional(
    "TOLLHOUSE_CHECKPOINT_BUCKET",
    checked(
      "an http or https URL of a bucket, its name in the path, such as `https://s3.eu-central-1.amazonaws.com/audit/ledger`",
      readBucket,
    ),
    "S3-compatible bucket, and a prefix in it, that gets each published checkpoint as an object; needs `TOLLHOUSE_CHECKPOINT_BUCKET_CREDENTIALS`",
  ),
  checkpointBucketRegion: required(
    "TOLLHOUSE_CHECKPOINT_BUCKET_REGION",
    "us-east-1",
    checked("a region such as `eu-central-1`", (text) => (/^[a-z0-9-]{1,64}$/.test(text) ? text : undefined)),
    "region of that bucket, as its signature names it",
  ),
  checkpointBucketCredentials: optional(
    "TOLLHOUSE_CHECKPOINT_BUCKET_CREDENTIALS",
    checked("an access key id and a secret access key with a colon between them", readBucketCredentials),
    "credentials of that bucket; they need to write objects, and nothing else",
    secret,
  ),
  witnesses: optional(
    "TOLLHOUSE_WITNESSES",
    checked(
      "an http or https URL, a space and the public key of a witness (`name+id+base64`), with commas between witnesses, at most 16",
      readWitnesses,
    ),
    "who cosigns the checkpoints of every ledger (c2sp.org/tlog-witness): each must have been told of the ledgers' public keys",
  ),
  adminKey: optional(
    "TOLLHOUSE_ADMIN_KEY",
    checked("20 to 256 visible ASCII characters without spaces", (text) =>
      /^[\x21-\x7e]{20,256}$/.test(text) ? text : undefined,
    ),
    "admin key, for control calls and, where `TOLLHOUSE_AUTH` is `required`, for calls; not set: made at the first start and shown once",
    secret,
  ),
  openaiApiKey: optional("OPENAI_API_KEY", credential, "provider key of OpenAI", secret),
  openaiBaseUrl: required(
    "OPENAI_BASE_URL",
    "https://api.openai.com/v1",
    baseUrl,
    "where OpenAI is, version path included",
  ),
  anthropicApiKey: optional("ANTHROPIC_API_KEY", credential, "provider key of Anthropic", secret),
  anthropicBaseUrl: required("ANTHROPIC_BASE_URL", "https://api.anthropic.com", baseUrl, "where Anthropic is"),
  geminiApiKey: optional("GEMINI_API_KEY", credential, "provider key of Gemini", secret),
  geminiBaseUrl: required("GEMINI_BASE_URL", "https://generativelanguage.googleapis.com", baseUrl, "where Gemini is"),
  defaultBudget: required(
    "DEFAULT_BUDGET",
    "10.00",
    checked("US dollars with at most nine places, such as `10.00`", readBudget),
    "budget of a session that has no limit of its own; `0` or empty: none",
    { emptyIsValue: true },
  ),
  strictMode: required(
    "STRICT_MODE",
    "false",
    flag,
    "`true`: a call without a session is refused with `IDENTITY_REQUIRED`",
  ),
  auth: optional(
    "TOLLHOUSE_AUTH",
    oneOf("open", "required"),
    "`required`: calls carry a key with the permission `call` (`POST /api/v1/keys`), or the admin key. `open`: calls need none, and one that carries a key is the key's. Not set: `open` on a loopback address, else `required`; `open` is refused on any other address",
  ),
  failMode: required(
    "FAIL_MODE",
    "closed",
    oneOf("closed", "open"),
    "what becomes of calls while shared counters cannot be asked: refused with `LIMITS_UNAVAILABLE`, or let through within `FAIL_OPEN_ALLOWANCE`. In memory, limits can always be read",
  ),
  failOpenAllowance: required(
    "FAIL_OPEN_ALLOWANCE",
    "1.00",
    checked("US dollars with at most nine places, such as `1.00`", readAllowance),
    "with `FAIL_MODE=open`: what the calls of one process may hold beside their limits in one outage; `0` = nothing",
  ),
  configurationStaleSeconds: required(
    "TOLLHOUSE_CONFIGURATION_STALE_SECONDS",
    "60",
    integer(5, 86_400),
    "with `REDIS_URL`: a process that has not heard for this long what others changed (limits, policies, stops, keys) is not ready, and with `FAIL_MODE=closed` admits nothing",
  ),
  logLevel: required(
    "LOG_LEVEL",
    "info",
    oneOf("debug", "info", "warning", "error"),
    "least level that is logged; the line of each call is `info`",
  ),
  spoolSync: required(
    "TOLLHOUSE_SPOOL_SYNC",
    "interval",
    oneOf("interval", "always"),
    "when the spool is synced to disk: within 50 ms, or before each call is forwarded (survives a power cut)",
  ),
  verificationThreads: required(
    "TOLLHOUSE_VERIFICATION_THREADS",
    "1",
    integer(1, 32),
    "threads that a verification of a long chain is parted among; each takes a core, a connection to the database and some 80 MiB while it lasts",
  ),
  spoolBytesMax: required(
    "TOLLHOUSE_SPOOL_BYTES_MAX",
    "1 GiB",
    bytes("16 MiB", "1 TiB"),
    "room for calls that the database has not taken yet; when it is full, new calls are refused",
  ),
  bodyBytesMax: required(
    "TOLLHOUSE_BODY_BYTES_MAX",
    "32 MiB",
    bytes("1 KiB", "512 MiB"),
    "largest request body; above it `REQUEST_TOO_LARGE`",
  ),
  callsInFlightMax: required(
    "TOLLHOUSE_CALLS_IN_FLIGHT_MAX",
    "4096",
    integer(1, 100_000),
    "calls at once on this node; above it `OVERLOADED`",
  ),
  bodyBytesInFlightMax: required(
    "TOLLHOUSE_BODY_BYTES_IN_FLIGHT_MAX",
    "512 MiB",
    bytes("1 MiB", "1 TiB"),
    "request bodies held by this node, all calls together; above it `OVERLOADED`",
  ),
  tenantSharePercent: required(
    "TOLLHOUSE_TENANT_SHARE_PERCENT",
    "50",
    integer(1, 100),
    "most of a node's calls at once, and of its open checks, that one tenant may have while others use it too; above it `OVERLOADED`",
  ),
  connectionsMax: required(
    "TOLLHOUSE_CONNECTIONS_MAX",
    "16384",
    integer(1, 1_000_000),
    "client connections at once on this node; above it they are closed as they come",
  ),
  eventLoopLagMs: required(
    "TOLLHOUSE_EVENT_LOOP_LAG_MS",
    "200",
    integer(0, 60_000),
    "a node whose event loop is behind by more than this for a second refuses new calls with `OVERLOADED` until it is not; `0` = never",
  ),
  ...SIGN_IN_SETTINGS,
  controlRequestsPerMinute: required(
    "TOLLHOUSE_CONTROL_REQUESTS_PER_MINUTE",
    "6000",
    integer(0, 1_000_000_000),
    "requests of one key to the control API; above it `RATE_LIMITED`; `0` = any number",
  ),
  controlFailuresPerMinute: required(
    "TOLLHOUSE_CONTROL_FAILURES_PER_MINUTE",
    "300",
    integer(0, 1_000_000_000),
    "requests to the control API that are refused for want of a valid key, of one remote address; above it `RATE_LIMITED` in place of the reason; `0` = any number",
  ),
  shutdownGraceSeconds: required(
    "TOLLHOUSE_SHUTDOWN_GRACE_SECONDS",
    "20",
    integer(0, 3_600),
    "time that running calls get to end after SIGTERM",
  ),
  upstreamHeadersSeconds: required(
    "TOLLHOUSE_UPSTREAM_HEADERS_SECONDS",
    "600",
    integer(1, 3_600),
    "time a provider has to begin its answer; after it `UPSTREAM_TIMEOUT`",
  ),
  upstreamChunkSeconds: required(
    "TOLLHOUSE_UPSTREAM_CHUNK_SECONDS",
    "300",
    integer(1, 3_600),
    "longest silence inside a provider's answer",
  ),
  drainCallsMax: required(
    "TOLLHOUSE_DRAIN_CALLS_MAX",
    "64",
    integer(0, 10_000),
    "calls whose client is gone that are read to their end for exact usage, at once",
  ),
  drainSeconds: required(
    "TOLLHOUSE_DRAIN_SECONDS",
    "120",
    integer(0, 3_600),
    "longest time such a call is read; after it, it is aborted and counted",
  ),
};

export function yamlKey(variable: string): string {
  return variable.replace(/^TOLLHOUSE_/, "").toLowerCase();
}
