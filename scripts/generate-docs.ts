// `node --conditions=@tollhouse/source scripts/generate-docs.ts` writes the documents that are made from code. A test holds
// them up to date.
import { mkdirSync, writeFileSync } from "node:fs";
import { CODES } from "@tollhouse/contract";
import type { CodeRow } from "@tollhouse/contract";
import { PROVIDER_NAMES, seededPriceBookData } from "@tollhouse/engine";
import { openApiText } from "../apps/server/src/control/openapi.ts";
import { RESERVED_SEGMENTS } from "../apps/server/src/provider-settings.ts";
import { SETTINGS, yamlKey } from "../apps/server/src/settings-table.ts";
import { apiReference } from "./api-reference.ts";
import { controlOperations } from "./control-operations.ts";
import { cliReference } from "./cli-reference.ts";
import { listFiles, readSource } from "./source-files.ts";

const RETRY: { readonly [R in CodeRow["retry"]]: string } = {
  never: "no",
  soon: "yes, after `retry-after`",
  window: "when the limit's window ends",
};

const FAULT: { readonly [F in CodeRow["fault"]]: string } = {
  client: "the request",
  operator: "a rule of the operator",
  provider: "the provider",
  tollhouse: "Tollhouse",
};

function code(text: string): string {
  return `\`${text}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${head.map(() => "---|").join("")}`, ...rows.map(line)].join("\n");
}

/** Codes that no code of the product names: kept for rules that this version does not have. */
function unsentCodes(): string[] {
  const product = [...listFiles("packages"), ...listFiles("apps")]
    .filter((path) => path.endsWith(".ts") && !/^packages\/(contract|simulator|testkit)\//.test(path))
    .map(readSource)
    .filter((file) => !file.isTest);
  return Object.keys(CODES).filter((name) => !product.some((file) => file.text.includes(`"${name}"`)));
}

function reasonCodes(): string {
  const rows = Object.entries(CODES).map(([name, row]) => [
    code(name),
    String(row.status),
    row.title,
    FAULT[row.fault],
    RETRY[row.retry],
    row.next,
    `\`${row.openai}\``,
    `\`${row.anthropic}\``,
    `\`${row.gemini}\``,
  ]);
  return `# Reason codes

A call that Tollhouse refuses or fails carries one of these in \`tollhouse.reason_code\` and in \`x-tollhouse-reason\`, inside an
error of the provider's own shape; a failed control call (\`/api/v1/…\`) in \`reason_code\` of an \`application/problem+json\`. An
error of the provider itself is passed on as it came. "Retry" says whether the same request can succeed later without anybody changing
anything; where it cannot within a minute, the answer says \`x-should-retry: false\`, which official clients obey.

Made from \`packages/contract/src/codes.ts\`; do not edit.

${table(["code", "HTTP", "meaning", "because of", "retry", "what to do next", "OpenAI `type`", "Anthropic `type`", "Gemini `status`"], rows)}

No rule of this version sends these; their names are taken: ${unsentCodes().map(code).join(", ")}.
`;
}

function settings(): string {
  const rows = Object.values(SETTINGS).map((setting) => [
    `\`${setting.variable}\``,
    `\`${yamlKey(setting.variable)}\``,
    setting.meaning,
    setting.expected,
    setting.fallback === null ? "–" : `\`${setting.fallback}\``,
  ]);
  return `# Settings

Read once at start: a flag wins over an environment variable, a variable over the file, the file over the default. The file
is \`tollhouse.yaml\` in the working directory, or the one that \`--config FILE\` names. An unknown or ill-typed setting stops
the start, and every wrong one is named at once. An empty variable counts as not set, except \`DEFAULT_BUDGET\`.

Made from \`apps/server/src/settings-table.ts\`; do not edit.

${table(["variable", "in the file", "meaning", "expected", "default"], rows)}

Flags: \`--config FILE\`, \`--host\`, \`--port\`, \`--data-dir\`, \`--role\` (again for each of several).
\`npm start -- --demo\` puts the provider simulator behind Tollhouse and sends a little traffic.

## Further providers

Only in the file. Each is reached under \`/{name}/…\`: for a provider named groq the base URL of an OpenAI client is
\`http://127.0.0.1:8787/groq/v1\`.

\`\`\`yaml
providers:
  - name: groq                       # lower-case letters, digits, hyphens
    base_url: https://api.groq.com/openai/v1
    dialect: openai                  # openai, anthropic or gemini
    api_key_env: GROQ_API_KEY        # or api_key; without either, the client brings its own credential
    auth: bearer                     # bearer, api-key, x-api-key, x-goog-api-key or none; default: as the dialect has it
    prices: book                     # the price book; the name says whose prices, see below
  - name: azure                      # clients: http://127.0.0.1:8787/azure as the endpoint
    base_url: https://my-resource.openai.azure.com
    dialect: openai
    api_key_env: AZURE_OPENAI_API_KEY
    auth: api-key
  - name: local
    base_url: http://localhost:11434/v1
    dialect: openai
    prices: free                     # costs nothing; no credential, unless auth says so
  - name: own
    base_url: https://models.example.com/v1
    dialect: openai
    api_key_env: OWN_API_KEY
    prices:                          # US dollars: for a million tokens, or for one image, second, character or call
      - {model: our-model, input: 0.50, input_cache_read: 0.05, output: 2.00}
      - {model: "*", input: 1.00, output: 4.00}           # any other model
\`\`\`

The price book knows these names: ${Object.keys(seededPriceBookData().providers).map(code).join(", ")}; and others for the same:
${Object.entries(PROVIDER_NAMES)
  .map(([name, book]) => `${code(name)} (${book})`)
  .join(
    ", ",
  )}. A provider of any other name needs \`prices: free\` or rows of its own: a model without a price is refused where a hard
budget applies, and \`DEFAULT_BUDGET\` is one for every session. \`GET /api/v1/prices?provider=groq&model=…\` says what a call would be priced by.

A name may not be one of Tollhouse's own paths: ${RESERVED_SEGMENTS.map(code).join(", ")}.
`;
}

/** Path below the root → content. */
export const GENERATED_DOCUMENTS: Readonly<Record<string, () => string>> = {
  "docs/api.md": apiReference,
  "docs/cli.md": cliReference,
  "docs/reason-codes.md": reasonCodes,
  "docs/settings.md": settings,
  "packages/contract/openapi.json": openApiText,
  "packages/contract/src/operations.ts": controlOperations,
};

if (import.meta.main) {
  const root = new URL("../", import.meta.url);
  for (const [path, content] of Object.entries(GENERATED_DOCUMENTS)) {
    mkdirSync(new URL("./", new URL(path, root)), { recursive: true });
    writeFileSync(new URL(path, root), content());
    console.log(`wrote ${path}`);
  }
}
