// `npm start -- --demo`: Tollhouse with the provider simulator behind it and a little traffic through it, so that it can be
// looked at without a provider key. Its data live in a folder of their own (data/demo), apart from any real ledger.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const adminKey = process.env.TOLLHOUSE_ADMIN_KEY ?? `th_admin_demo_${randomBytes(12).toString("hex")}`;
/** For who looks at the dashboard: teams that may spend different amounts, one of which is only told. */
const TEAMS = [
  ["growth", "0.010", "hard"],
  ["support", "0.006", "hard"],
  ["research", "0.004", "soft"],
];
const say = (text) => process.stderr.write(`${text}\n`);

const simulator = spawn(
  process.execPath,
  [join(ROOT, "packages/simulator/dist/main.js"), "--tokens-per-second", "400"],
  {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  },
);
const [line] = await onceLine(simulator.stdout);
const { url } = JSON.parse(line);

const server = spawn(
  process.execPath,
  ["--max-semi-space-size=64", join(ROOT, "apps/server/dist/main.js"), ...serverArgs()],
  {
    // The JSON line of each call would drown the summary; `npm start` without --demo shows them.
    stdio: ["inherit", "ignore", "pipe"],
    detached: true,
    env: {
      ...process.env,
      TOLLHOUSE_ADMIN_KEY: adminKey,
      TOLLHOUSE_DATA_DIR: process.env.TOLLHOUSE_DATA_DIR ?? join(ROOT, "data/demo"),
      OPENAI_API_KEY: "sk-simulated",
      OPENAI_BASE_URL: `${url}/v1`,
      ANTHROPIC_API_KEY: "sk-ant-simulated",
      ANTHROPIC_BASE_URL: url,
      GEMINI_API_KEY: "simulated",
      GEMINI_BASE_URL: url,
    },
  },
);

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => server.kill("SIGTERM"));
process.on("exit", () => simulator.kill());
server.on("close", (code) => {
  simulator.kill();
  process.exit(code ?? 1);
});

server.stderr.pipe(process.stderr);
const address = await addressTold(server.stderr);
await ready();
await traffic();

function serverArgs() {
  return process.argv.slice(2).filter((arg) => arg !== "--demo");
}

function onceLine(stream) {
  return new Promise((resolve) => createInterface({ input: stream }).once("line", (text) => resolve([text])));
}

/** By the server itself: a flag, a variable or a file may have set it. */
function addressTold(stream) {
  return new Promise((resolve) =>
    createInterface({ input: stream }).on("line", (text) => {
      const [, told] = /is ready at (\S+)/.exec(text) ?? [];
      if (told !== undefined) resolve(told);
    }),
  );
}

async function ready() {
  for (;;) {
    const response = await fetch(`${address}/ready`).catch(() => null);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function traffic() {
  const session = `demo-${randomBytes(3).toString("hex")}`;
  await control("POST", "/api/v1/limits", {
    scope: `session:${session}`,
    measure: "usd",
    amount: "0.004",
    window: "lifetime",
    mode: "hard",
  });
  for (const [team, amount, mode] of TEAMS) await budgetOnce(`team:${team}`, amount, mode);
  say(`  A little traffic, with a hard budget of $0.004 on session ${session}:\n`);
  say(
    `  ${"agent".padEnd(10)} ${"model".padEnd(18)} ${"status".padEnd(7)} ${"cost".padEnd(13)} remaining of the session`,
  );
  for (const call of calls()) await show(call, session);
  const usage = await control("GET", "/api/v1/usage?group_by=model");
  say(`\n  GET /api/v1/usage?group_by=model\n`);
  for (const row of usage.rows)
    say(
      `  ${row.model.padEnd(18)} ${String(row.calls).padStart(3)} calls  ${String(row.blocked).padStart(3)} blocked  $${row.cost}`,
    );
  const verified = await control("POST", "/api/v1/ledger/verify", {});
  say(`\n  POST /api/v1/ledger/verify: ${verified.result}, ${verified.entries} entries, tail ${verified.tail}`);
  say(
    `\n  Yours to try (Ctrl-C ends it):\n    export ADMIN_KEY=${adminKey}\n    curl -H "Authorization: Bearer $ADMIN_KEY" ${address}/api/v1/calls?limit=3\n`,
  );
}

/** The demo of yesterday made it already. */
async function budgetOnce(scope, amount, mode) {
  const { limits } = await control("GET", `/api/v1/limits?scope=${scope}`);
  if (limits.length === 0)
    await control("POST", "/api/v1/limits", { scope, measure: "usd", amount, window: "day", mode });
}

function calls() {
  const messages = [{ role: "user", content: "Write a short note about toll roads." }];
  const kinds = [
    ["researcher", "research", "gpt-4o-mini", "/v1/chat/completions", { messages }],
    ["writer", "growth", "claude-haiku-4-5", "/v1/messages", { messages, max_tokens: 200 }],
    [
      "reviewer",
      "support",
      "gemini-2.5-flash",
      null,
      { contents: [{ role: "user", parts: [{ text: messages[0].content }] }] },
    ],
    ["planner", "growth", "gpt-4o", "/v1/chat/completions", { messages }],
  ];
  return [...kinds, ...kinds, ...kinds];
}

async function show([agent, team, model, path, body], session) {
  const response = await fetch(`${address}${path ?? `/v1beta/models/${model}:generateContent`}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "anthropic-version": "2023-06-01",
      "x-tollhouse-session": session,
      "x-tollhouse-agent": agent,
      "x-tollhouse-team": team,
      "x-tollhouse-customer": "acme",
      "x-tollhouse-user": `${agent}@example.com`,
    },
    body: JSON.stringify(path === null ? body : { model, ...body }),
  });
  await response.arrayBuffer();
  const remaining = /remaining=([\d.]+)/.exec(response.headers.get("x-tollhouse-budget") ?? "")?.[1] ?? "";
  const cost = response.headers.get("x-tollhouse-cost") ?? response.headers.get("x-tollhouse-reason") ?? "";
  say(`  ${agent.padEnd(10)} ${model.padEnd(18)} ${String(response.status).padEnd(7)} ${cost.padEnd(16)} ${remaining}`);
}

async function control(method, path, body) {
  const response = await fetch(`${address}${path}`, {
    method,
    headers: { authorization: `Bearer ${adminKey}`, ...(body && { "content-type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}
