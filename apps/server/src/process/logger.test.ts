import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createLogger } from "./logger.ts";
import type { CallLine, Logger, LogLevel } from "./logger.ts";

const CALL: CallLine = {
  timeMs: Date.UTC(2026, 10, 21, 6, 0, 0, 5),
  requestId: "req_1",
  decisionId: "dec_0123456789abcdef0123456789abcdef",
  tenant: "default",
  environment: "prod",
  sessionId: "run-42",
  user: null,
  feature: "chat",
  provider: "openai",
  model: "gpt-4o-mini",
  estimatedCost: 150_000n,
  actualCost: null,
  inputTokens: 120,
  outputTokens: 0,
  usageSource: "reported",
  decision: "allow",
  reasonCode: null,
  latencyMs: 812.123_456,
  overheadMs: 0.21,
  error: null,
};

function record(level: LogLevel, secrets: readonly string[] = []): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const sink = { write: (line: string) => void lines.push(line), push() {}, flush() {}, close() {} };
  const logger = createLogger({ level, secrets, sink, nowMs: () => CALL.timeMs });
  logger.close();
  return { logger, lines };
}

describe("the line of a call", () => {
  test("is one JSON object with the documented fields, in their order", () => {
    const { logger, lines } = record("info");
    logger.call(CALL);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith("}\n")).toBe(true);
    expect(Object.entries(JSON.parse(lines[0] ?? ""))).toEqual([
      ["timestamp", "2026-11-21T06:00:00.005Z"],
      ["level", "info"],
      ["request_id", "req_1"],
      ["decision_id", CALL.decisionId],
      ["tenant", "default"],
      ["environment", "prod"],
      ["session_id", "run-42"],
      ["user", null],
      ["feature", "chat"],
      ["provider", "openai"],
      ["model", "gpt-4o-mini"],
      ["estimated_cost", "0.000150000"],
      ["actual_cost", null],
      ["input_tokens", 120],
      ["output_tokens", 0],
      ["usage_source", "reported"],
      ["decision", "allow"],
      ["reason_code", null],
      ["latency_ms", 812.123],
      ["overhead_ms", 0.21],
      ["error", null],
    ]);
  });

  test.each(['"', "\\", "\n", "\u2028", "\ud800", "é", '","decision":"block', "\u0000"])(
    "stays one valid line whatever a client puts into a field: %j",
    (text) => {
      const { logger, lines } = record("info");
      logger.call({ ...CALL, sessionId: text, model: text, error: text });
      expect(lines[0]?.trimEnd()).not.toContain("\n");
      expect(JSON.parse(lines[0] ?? "")).toMatchObject({
        session_id: text,
        model: text,
        error: text,
        decision: "allow",
      });
    },
  );

  test("a number that is none is null, never 0", () => {
    const { logger, lines } = record("info");
    logger.call({ ...CALL, latencyMs: Number.NaN, overheadMs: Number.POSITIVE_INFINITY, inputTokens: null });
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ latency_ms: null, overhead_ms: null, input_tokens: null });
  });
});

describe("levels", () => {
  test.each([
    ["debug", ["debug", "info", "info", "warning", "error"]],
    ["info", ["info", "info", "warning", "error"]],
    ["warning", ["warning", "error"]],
    ["error", ["error"]],
  ] as const)("%s shows that and what is worse", (level, shown) => {
    const { logger, lines } = record(level);
    logger.debug("a");
    logger.info("a");
    logger.call(CALL);
    logger.warning("a");
    logger.error("a");
    expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(shown);
  });
});

test("a text that recurs is written as the first time, also after thousands of others", () => {
  const { logger, lines } = record("info", ["canary-secret"]);
  const call = { ...CALL, feature: 'a "canary-secret"', tenant: null };
  for (let n = 0; n < 2_500; n++) {
    logger.call(call);
    logger.call({ ...CALL, model: `made-up-${n}` });
  }
  const recurring = lines.filter((_, at) => at % 2 === 0);
  expect(new Set(recurring).size).toBe(1);
  expect(JSON.parse(recurring[0] ?? "")).toMatchObject({ feature: 'a "[redacted]"', tenant: null });
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ model: "made-up-2499" });
});

describe("secrets", () => {
  const canaries = ["canary-provider-key-1", 'ca"nary\\2', "c.n*ry+(3)", "canary-provider-key-1-longer"];

  test.each(canaries)("%s appears in no field of any line", (canary) => {
    const { logger, lines } = record("debug", canaries);
    const cause = new Error(`upstream said ${canary}`);
    const text = `x${canary}y`;
    logger.call({ ...CALL, sessionId: text, user: text, feature: text, model: text, requestId: text, error: text });
    logger.call({ ...CALL, tenant: text, environment: text, provider: text, usageSource: text, reasonCode: text });
    logger.error(text, { text, error: new Error(text, { cause }) });
    for (const line of lines) {
      const values = Object.values(JSON.parse(line) as Record<string, unknown>).join("\n");
      expect(values).not.toContain(canary);
      expect(values).not.toContain("-longer");
      expect(values).toContain("[redacted]");
    }
    expect(lines).toHaveLength(3);
  });

  test.each([
    "sk-proj-0123456789abcdefghij",
    "th_prod_0123456789abcdefghij",
    "AIzaSy0123456789abcdefghij",
    "Bearer abcdefghijkl",
  ])("what looks like a key is not shown either: %s", (key) => {
    const { logger, lines } = record("info");
    logger.warning(`Incorrect API key provided: ${key}.`);
    expect(lines[0]).not.toContain(key);
    expect(lines[0]).toContain("Incorrect API key provided: [redacted]");
  });

  test("a secret that came while the process runs is in no event and no error, whole or in part, and is not kept when it goes", () => {
    const { logger, lines } = record("debug");
    // The second begins as a known form does, and goes on as none.
    const live = new Set(["without+any(form", "sk-zyxwvutsrqponmlkjihg$&!rest"]);
    logger.hide(() => live);
    const cause = new Error(`upstream said ${[...live].join(" and ")}`);
    logger.error([...live].join(), { text: [...live].join(), error: new Error("failed", { cause }) });
    logger.call({ ...CALL, error: `${[...live].join()}, twice: ${[...live].join()}` });
    expect(lines.join()).toContain("[redacted]");
    for (const part of ["without", "any(form", "zyxwvu", "rest"]) expect(lines.join()).not.toContain(part);
    live.clear();
    logger.error("without+any(form");
    expect(lines.at(-1)).toContain("without+any(form");
  });

  test("a secret of a few letters does not turn ordinary words into nothing", () => {
    const { logger, lines } = record("info", ["", "run"]);
    logger.call(CALL);
    expect(lines[0]).toContain("run-42");
  });
});

describe("failures", () => {
  test("an error is told with its causes, also where it causes itself", () => {
    const { logger, lines } = record("info");
    const error = new Error("outer", { cause: new TypeError("inner") });
    logger.error("failed", { error, limit: 5n, missing: undefined });
    const loop = new Error("loop");
    loop.cause = loop;
    logger.error("failed", { error: loop });
    const line = JSON.parse(lines[0] ?? "") as { error: string; limit: string };
    expect(line.error).toMatch(/Error: outer[\s\S]*caused by TypeError: inner/);
    expect(line.limit).toBe("5");
    expect(line).not.toHaveProperty("missing");
    expect(lines).toHaveLength(2);
  });
});

describe("standard output", () => {
  const script = (body: string): string[] => [
    "--conditions=@tollhouse/source",
    "--input-type=module",
    "--eval",
    `import { createLogger } from ${JSON.stringify(new URL("./logger.ts", import.meta.url).href)};
     const logger = createLogger({ level: "info", secrets: [] });
     ${body}`,
  ];

  const shellCommand = (body: string): string =>
    [process.execPath, ...script(body)].map((part) => `'${part.replaceAll("'", "'\\''")}'`).join(" ");

  test("nothing buffered is lost when the process ends, however it decides to", () => {
    for (const end of ["", "process.exit(0)", "throw new Error('end')"]) {
      const body = `const line = ${JSON.stringify({ ...CALL, estimatedCost: null })};
        for (let at = 0; at < 1000; at++) logger.call(line);
        ${end}`;
      // A socket, and a pipe whose reader comes late.
      const direct = spawnSync(process.execPath, script(body), { encoding: "utf8" });
      const late = `${shellCommand(body)} | { sleep 0.2; cat; }`;
      const piped = spawnSync("sh", ["-c", late], { encoding: "utf8" });
      for (const { stdout } of [direct, piped]) expect(stdout.match(/\n/g)).toHaveLength(1_000);
    }
  });

  test("lines that do not fit in memory are dropped, and how many is said when there is room again", () => {
    // Nobody reads until all of them were logged.
    const marker = join(mkdtempSync(join(tmpdir(), "logger-")), "logged");
    const body = `const line = ${JSON.stringify({ ...CALL, estimatedCost: null })};
      for (let at = 0; at < 60_000; at++) logger.call(line);
      process.getBuiltinModule("node:fs").writeFileSync(${JSON.stringify(marker)}, "");
      setTimeout(() => logger.info("room again"), 1_000);`;
    const reader = `{ until [ -e '${marker}' ]; do sleep 0.05; done; cat; }`;
    const { stdout } = spawnSync("sh", ["-c", `${shellCommand(body)} | ${reader}`], {
      encoding: "utf8",
      maxBuffer: 2 ** 27,
    });
    const lines = stdout.trimEnd().split("\n");
    const calls = lines.filter((line) => line.includes('"decision_id"')).length;
    const told = lines.flatMap((line) => /"dropped":(\d+)/.exec(line)?.[1] ?? []);
    expect(told).toHaveLength(1);
    expect(calls + Number(told[0])).toBe(60_000);
    expect(Number(told[0])).toBeGreaterThan(0);
  });

  test("when nobody reads any more, the process goes on", () => {
    const body = `let at = 0;
      const timer = setInterval(() => {
        logger.info("x".repeat(10_000));
        if (++at === 60) { clearInterval(timer); process.stderr.write("went on"); }
      }, 5);`;
    const { stderr } = spawnSync("sh", ["-c", `${shellCommand(body)} | head -c 10`], { encoding: "utf8" });
    expect(stderr).toBe("went on");
  });
});
