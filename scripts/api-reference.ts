// docs/api.md: each control endpoint with a curl command and its answer, of the same table that the routes and the OpenAPI document
// are made of. tests/e2e/curl.test.ts runs every command as it stands there.
import { ENDPOINT_TAGS, type Endpoint, type EndpointTag } from "../apps/server/src/control/endpoint.ts";
import { ENDPOINTS } from "../apps/server/src/control/endpoints/table.ts";

const CHAT = { model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 };
const CLAUDE = { model: "claude-haiku-4-5", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 };
const GEMINI = { contents: [{ role: "user", parts: [{ text: "Hi" }] }] };

interface Curl {
  readonly method: string;
  /** With its query, encoded. */
  readonly target: string;
  readonly headers: readonly string[];
  readonly body?: unknown;
}

const KEY = "Authorization: Bearer $TOLLHOUSE_KEY";

/** Double quotes around what the shell fills in, single ones around what it must leave alone. */
function curl({ method, target, headers, body }: Curl): string {
  const said = body === undefined ? headers : [...headers, "Content-Type: application/json"];
  return [
    `curl -sS${method === "GET" ? "" : ` -X ${method}`} "$TOLLHOUSE_URL${target}"`,
    ...said.map((header) => `-H "${header}"`),
    ...(body === undefined ? [] : [`-d '${JSON.stringify(body).replaceAll("'", String.raw`'\''`)}'`]),
  ].join(" \\\n  ");
}

function curlOf({ method, path, example }: Endpoint): string {
  const params = example.params ?? {};
  const target = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
  const query = Object.entries(example.query ?? {}).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return curl({
    method,
    target: query.length === 0 ? target : `${target}?${query.join("&")}`,
    headers: [KEY],
    ...(example.body !== undefined && { body: example.body }),
  });
}

function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
}

function answerOf({ status, example: { answer } }: Endpoint): string {
  if (answer === undefined) return `Answers ${status}, without a body.`;
  const text = typeof answer === "string" ? fenced("text", answer) : fenced("json", JSON.stringify(answer, null, 2));
  return `Answers ${status}:\n\n${text}`;
}

function section(endpoint: Endpoint): string {
  const { operationId, method, path, summary, keys, ifMatch, errors } = endpoint;
  const who =
    keys === true ? `a key with \`${method === "GET" ? "read" : "manage"}\`, or the admin key` : "the admin key";
  const lines = [
    `Takes ${who}.`,
    ...(ifMatch === true ? ["With `If-Match: <ETag>` nothing is changed that is not as it was read."] : []),
    ...(errors.length === 0 ? [] : [`Refuses with ${errors.map((code) => `\`${code}\``).join(", ")}.`]),
  ];
  return [
    `### ${operationId}`,
    `\`${method} ${path}\`: ${summary}`,
    lines.join(" "),
    fenced("sh", curlOf(endpoint)),
    answerOf(endpoint),
  ].join("\n\n");
}

function family([tag, description]: readonly [string, string]): string {
  const own = ENDPOINTS.filter((endpoint) => endpoint.tag === (tag as EndpointTag));
  return [`## ${tag}`, description, ...own.map(section)].join("\n\n");
}

function open(name: string, summary: string, command: Curl): string {
  return [`### ${name}`, summary, fenced("sh", curl(command))].join("\n\n");
}

const CALLS = [
  open("openai", "OpenAI's wire format; the session is what its default budget belongs to.", {
    method: "POST",
    target: "/v1/chat/completions",
    headers: [KEY, "x-tollhouse-session: run-42"],
    body: CHAT,
  }),
  open("anthropic", "Anthropic's.", {
    method: "POST",
    target: "/v1/messages",
    headers: ["x-api-key: $TOLLHOUSE_KEY", "anthropic-version: 2023-06-01", "x-tollhouse-session: run-42"],
    body: CLAUDE,
  }),
  open("gemini", "Gemini's.", {
    method: "POST",
    target: "/v1beta/models/gemini-2.5-flash:generateContent",
    headers: ["x-goog-api-key: $TOLLHOUSE_KEY", "x-tollhouse-session: run-42"],
    body: GEMINI,
  }),
];

const PAGES = [
  open("health", "Whether the process answers.", { method: "GET", target: "/health", headers: [] }),
  open("ready", "Whether it takes calls.", { method: "GET", target: "/ready", headers: [] }),
  open("metrics", "For Prometheus.", { method: "GET", target: "/metrics", headers: [KEY] }),
  open("openapi", "This API as OpenAPI 3.1.", { method: "GET", target: "/api/openapi.json", headers: [] }),
];

export function apiReference(): string {
  const families = Object.entries(ENDPOINT_TAGS).filter(([tag]) => ENDPOINTS.some((endpoint) => endpoint.tag === tag));
  return `${[
    "# API by curl",
    `Every endpoint with a command that a test runs as it stands here, and an answer. The same in full, with each field:
\`GET /api/openapi.json\` (packages/contract/openapi.json).

\`TOLLHOUSE_URL\` is where Tollhouse listens (\`http://127.0.0.1:8787\`), \`TOLLHOUSE_KEY\` the admin key or a key. Ids stand for
those of your installation. Money is a decimal string in US dollars. A key is for one environment; the admin key names one with
\`?environment=\`, and means \`prod\` without it. What is not known, in a body or a query, is refused by name.`,
    `A refusal is a problem (RFC 9457) with a reason code ([all of them](reason-codes.md)); any endpoint can answer \`REQUEST_INVALID\`,
\`ADMIN_KEY_REQUIRED\`, \`KEY_EXPIRED\`, \`KEY_REVOKED\`, \`PERMISSION_MISSING\`, \`HOST_NOT_ALLOWED\`, \`RATE_LIMITED\`,
\`DATABASE_UNAVAILABLE\` and \`INTERNAL\`. Each answer says how the key's rate stands, in
\`x-tollhouse-ratelimit-limit-requests\`, \`-remaining-requests\` and \`-reset-requests\` (seconds).`,
    "Made from `apps/server/src/control/endpoints`; do not edit.",
    "## calls",
    "Through the gateway, in the provider's own format. The first refusal of a rule is an error of that format.",
    ...CALLS,
    ...families.map(family),
    "## operation",
    "No key is asked for; of `/metrics` the admin key, where there is a second tenant.",
    ...PAGES,
  ].join("\n\n")}\n`;
}
