import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startedTollhouse, type StartedTollhouse } from "@tollhouse/testkit/started-tollhouse";
import type { AnomalyRule, Call, UsageReport } from "@tollhouse/contract/control-client";
import { json, ran, terminalFor, until, type RanOptions } from "../cli-fixture.ts";
import { runCommandLine } from "../command-line.ts";
import { widthOf } from "../terminal/table.ts";

let server: StartedTollhouse;

beforeAll(async () => {
  server = await startedTollhouse();
  await json(server.url, "budgets set session:poor 0.000001");
  for (const session of ["rich", "rich", "poor"]) await call(session);
  await server.recorded();
});
afterAll(() => server.stop());

const cli = (args: string | readonly string[], options: RanOptions = {}) => ran(server.url, args, options);
const inTable = (args: string) => cli(args, { columns: 80 });

async function call(session: string): Promise<number> {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tollhouse-session": session, "x-tollhouse-user": "ada" },
    body: JSON.stringify({
      model: "gpt-4o-mini",
      messages: [{ role: "user", content: "Hi ".repeat(50) }],
      max_tokens: 20,
    }),
  });
  await response.arrayBuffer();
  return response.status;
}

describe("usage", () => {
  test("by groups is the API's report, and its total stands below the table", async () => {
    const report = await json<UsageReport>(server.url, "usage --from 1h --group-by session,model --order cost");
    expect(report.rows.map(({ session, calls, blocked }) => [session, calls, blocked])).toEqual([
      ["rich", 2, 0],
      ["poor", 0, 1],
    ]);
    const { out } = await inTable("usage --group-by session");
    expect(out).toMatch(/^SESSION +CALLS +BLOCKED +INPUT +OUTPUT +COST\n/);
    expect(out).toMatch(/\nTotal: \$0\.\d+ for 2 calls, 1 blocked\.\n$/);
    expect((await cli("usage --session rich --group-by session")).out).not.toContain("poor");
  });

  test("is exported as it is, for other programs", async () => {
    expect((await cli("usage --group-by session --format csv")).out).toMatch(/^session,calls,/);
    const lines = (await cli("calls list --format ndjson")).out.trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as Call).outcome)).toHaveLength(3);
  });

  test("summary, stats and a user's own are read at a glance", async () => {
    expect((await inTable("summary")).out).toMatch(/^PROD +CALLS .*\ntoday +2 /);
    expect((await inTable("stats")).out).toMatch(/^running calls +0\ncalls, 24 h +2, 1 blocked\n/);
    expect((await inTable("users show ada")).out).toMatch(/\ntoday +2 /);
  });
});

describe("calls", () => {
  test("are listed with their decision, shown, and explained step by step", async () => {
    const { out } = await inTable("calls list");
    expect(Math.max(...out.split("\n").map(widthOf))).toBeLessThanOrEqual(80);
    // When, which model, and what it cost or why it did not: nothing of it is cut away for the decision's id.
    const time = String.raw`\d\d:\d\d:\d\d`;
    expect(out).toMatch(/^TIME +MODEL +COST OR REASON +DECISION\n/);
    expect(out).toMatch(new RegExp(`^${time}  gpt-4o-mini +BUDGET_EXCEEDED  dec_[0-9a-f]{32}$`, "m"));
    expect(out).toMatch(new RegExp(`^${time}  gpt-4o-mini +\\$0\\.0\\d+  dec_[0-9a-f]{32}$`, "m"));
    expect((await cli("calls list")).out).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ  gpt-4o-mini /m);
    const { calls } = await json<{ calls: Call[] }>(server.url, "calls list --outcome blocked");
    expect(calls).toHaveLength(1);
    const why = await inTable(`calls explain ${calls[0]?.decision}`);
    expect(why.out).toMatch(/^Blocked: .*\nNext: /);
    expect(why.out).toMatch(/\n✗ 9\. .*: BUDGET_EXCEEDED\n/);
    expect(why.out).toMatch(/▶ session:poor +lifetime +\$0\.000001 /);
    const let_through = await json<{ calls: Call[] }>(server.url, "calls list --outcome settled --limit 1");
    const decision = let_through.calls[0]?.decision;
    const cost = (await inTable(`calls explain ${decision}`)).out;
    expect(cost).toMatch(/^attempt +HTTP 200, [\d,]+ ms/m);
    expect(cost).toMatch(/^USED +UNITS +\$ A MILLION +TIMES +COST\ninput +\d+ +\$0\.15 +1 +\$0\.0\d+$/m);
    expect((await cli(`calls show ${decision}`)).out).toMatch(/cost +\$0\.0/);
    expect((await cli("calls show dec_00000000000000000000000000000000")).code).toBe(4);
    expect((await cli(`calls payload ${calls[0]?.decision}`)).code).toBe(4);
  });

  test("`tail` shows the last ones, then each new one once, until Ctrl-C", async () => {
    const interrupt = new AbortController();
    const { terminal, out } = terminalFor(server.url, { interrupted: interrupt.signal });
    const running = runCommandLine(["calls", "tail", "--limit", "2", "--every", "1s", "--json"], terminal);
    await until(() => out().includes("poor"));
    for (const session of ["tailed", "once-more"]) {
      await call(session);
      await until(() => out().includes(session));
    }
    interrupt.abort();
    expect(await running).toBe(0);
    const calls = out()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Call);
    // The first "rich" is beyond the limit: it stays unseen, also at the later looks.
    expect(calls.map(({ dimensions }) => dimensions.session)).toEqual(["rich", "poor", "tailed", "once-more"]);
    expect(new Set(calls.map(({ decision }) => decision)).size).toBe(calls.length);
  });
});

test("in a terminal each line that `tail` adds stands under the ones before, and has its time too", async () => {
  const interrupt = new AbortController();
  const { terminal, out } = terminalFor(server.url, { interrupted: interrupt.signal, columns: 80 });
  const running = runCommandLine(["calls", "tail", "--limit", "1"], terminal);
  const lines = (): string[] => out().trimEnd().split("\n");
  await until(() => lines().length === 2);
  await call("poor");
  await until(() => lines().length === 3);
  await call("tailed-again");
  await until(() => lines().length === 4);
  interrupt.abort();
  expect(await running).toBe(0);
  expect(new Set(lines().map((line) => line.search(/DECISION|dec_/))).size).toBe(1);
  expect(lines().filter((line) => /^\d\d:\d\d:\d\d  /.test(line))).toHaveLength(3);
});

describe("rules that are no policies, and who is who", () => {
  test("anomaly rules: made, listed, changed, deleted", async () => {
    const rule = await json<AnomalyRule>(
      server.url,
      "anomaly-rules create loop 5 --window 1m --action freeze --freeze-for 10m",
    );
    expect(rule).toMatchObject({ window_seconds: 60, freeze_seconds: 600, per: "session" });
    expect((await inTable("anomaly-rules list")).out).toMatch(/^loop +session +5 +60 s +freeze 600 s/m);
    expect(
      (await json<AnomalyRule>(server.url, `anomaly-rules change ${rule.id} --threshold 8 --if-version 1`)).threshold,
    ).toBe("8");
    expect((await cli(`anomaly-rules show ${rule.id}`)).out).toContain("triggered  0 times");
    expect((await cli(`anomaly-rules delete ${rule.id} --yes`)).code).toBe(0);
    expect((await cli("anomaly-rules list")).out).toBe("No anomaly rule yet.\n");
    expect((await cli("anomaly-rules create spiral 5 --window 1m")).code).toBe(2);
  });

  test("prices are dollars for a million", async () => {
    expect(await cli("prices show openai no-such-model")).toMatchObject({ code: 4, out: "" });
    expect((await inTable("prices show openai gpt-4o-mini")).out).toMatch(
      /^openai +gpt-4o-mini +\$0\.15 +\$0\.075 +\$0\.60$/m,
    );
    expect((await inTable("prices list --provider anthropic")).out).toContain("claude");
  });

  test("plans and who is on them; a user is shown and forgotten", async () => {
    expect((await cli(["plans", "set", "free", "--description", "for all"])).code).toBe(0);
    expect((await cli("plans assign user:bob free")).out).toBe("user:bob is on the plan free\n");
    expect((await cli("plans of user:bob")).out).toBe("free\n");
    expect((await cli("plans assign customer:acme free")).code).toBe(0);
    expect((await cli("plans of customer:acme")).out).toBe("free\n");
    expect((await cli("plans unassign customer:acme")).code).toBe(0);
    expect((await cli("plans of customer:acme")).code).toBe(4);
    expect((await cli("plans of team:x")).code).toBe(2);
    expect((await cli("plans delete free --yes")).code).toBeGreaterThan(0);
    expect((await cli("plans show free")).out).toContain("for all");
    expect((await cli("users erase bob")).code).toBe(2);
    expect((await cli("users erase bob --yes")).code).toBe(5);
    expect((await cli("users erase bob --configuration remove --yes")).out).toMatch(
      /^Forgot bob\b.*\nremoved: plan_assignment free in prod\n/,
    );
    expect((await cli("plans delete free --yes")).code).toBe(0);
    expect((await cli("plans list")).out).toBe("No plan yet.\n");
  });

  test("tenants and environments; `--tenant` and `--environment` reach them", async () => {
    expect((await cli("tenants create acme")).out).toMatch(/environments +dev, prod, staging/);
    expect((await inTable("tenants list")).out).toMatch(/^acme +dev, prod, staging/m);
    expect((await cli("tenants show acme")).code).toBe(0);
    expect((await cli("environments create evals --tenant acme")).code).toBe(0);
    expect((await cli("environments list --tenant acme")).out).toMatch(/^evals /m);
    expect((await cli("environments list")).out).not.toContain("evals");
    expect((await cli("budgets set org 5 --tenant acme -e evals")).code).toBe(0);
    expect((await cli("budgets list -e evals --tenant acme")).out).toMatch(/^org /m);
    expect((await cli("budgets list")).out).not.toMatch(/^org /m);
  });

  test("a provider key goes in on standard input, and never comes out", async () => {
    const set = await cli("provider-keys set openai --tenant acme", { stdin: "sk-the-secret-of-acme\n" });
    expect(set.code).toBe(0);
    const later = await Promise.all([
      cli("provider-keys list --tenant acme --json"),
      cli("provider-keys show openai --tenant acme"),
      cli("audit --tenant acme --json"),
    ]);
    expect([set, ...later].map(({ out, err }) => out + err).join("")).not.toContain("sk-the-secret");
    expect(later[1]?.out).toMatch(/^openai +prod +active +acme /m);
    expect((await cli("provider-keys delete openai --tenant acme --yes")).code).toBe(0);
    expect((await cli("provider-keys set openai --tenant acme")).code).toBe(2);
  });

  test("what was changed is in the audit; checks and the keeping of texts are shown", async () => {
    expect((await inTable("audit --limit 5")).out).toMatch(/^TIME +BY +ACTION +SUBJECT/);
    expect((await cli("audit --from 1h --action nothing.such")).out).toBe("Nothing was changed.\n");
    expect((await cli("checks --state open")).out).toBe("No check is open.\n");
    expect((await cli("payload-logging set on --days 3")).out).toBe("prod: texts are kept for 3 days\n");
    expect((await cli("payload-logging show")).out).toContain("3 days");
    expect((await cli("payload-logging set off")).out).toBe("prod: texts are not kept\n");
    expect((await cli("payload-logging set maybe")).code).toBe(2);
  });

  test("for how long details of calls are kept is shown, and changed only by who was asked", async () => {
    expect((await cli("retention show")).out).toBe("prod: details of calls are kept for ever\n");
    expect((await cli("retention set 1200")).code).toBe(2);
    const kept = "prod: details of calls are kept for 1200 whole months behind the running one\n";
    expect((await cli("retention set 1200 --yes")).out).toBe(kept);
    expect((await cli("retention set 12 --yes --if-version 7")).code).toBe(5);
    expect((await cli("retention show")).out).toBe(kept);
    expect((await cli("retention set forever --if-version 1")).out).toContain("kept for ever");
    for (const months of ["0", "1.5", "-1", "ever"]) expect((await cli(`retention set ${months} --yes`)).code).toBe(2);
  });
});
