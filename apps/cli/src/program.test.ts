import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { runCommandLine } from "./command-line.ts";

async function ran(...argv: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const terminal = {
    env: {},
    cwd: "/",
    stdin: new PassThrough(),
    stdout,
    stderr,
    interrupted: new AbortController().signal,
  };
  const code = await runCommandLine(argv, terminal);
  return { code, out: String(stdout.read() ?? ""), err: String(stderr.read() ?? "") };
}

test.each([
  [["limit"], "limits"],
  [["budgets", "sett", "org", "1"], "set"],
  [["sessions", "freez", "x"], "freeze"],
  [["limits", "list", "--scop", "x"], "--scope"],
])("what is not known is a wrong command line, and the nearest is named: %j", async (argv, meant) => {
  const { code, out, err } = await ran(...argv);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toContain(`Did you mean ${meant}?`);
});

test.each([
  [["kill", "agent", "x"]],
  [["budgets", "set", "org"]],
  [["sessions", "list", "--hours", "soon"]],
  [["keys"]],
  [["usage", "--from", "999999999w"]],
  [["keys", "create", "x", "--expires-in", "999999999w"]],
  [["usage", "--session", ""]],
  [["calls", "list", "--reason", ",BUDGET_EXCEEDED"]],
  [["kill", "agent", "a", "b", "--reason", "x", "--yes"]],
  [["unblock", "user:a", "user:b"]],
  [["keys", "change", "key_x"]],
  [["members", "change", "mem_x", "--if-version", "1"]],
  [["anomaly-rules", "change", "anr_x"]],
  [["budgets", "delete", "org", "--window", "weekly", "--yes"]],
  [["policies", "rehearse", "-f", "x.yaml", "--without", "y"]],
])("what is missing or ill-typed is a wrong command line, and nothing is sent: %j", async (argv) => {
  expect((await ran(...argv)).code).toBe(2);
});

test("who leaves something out is told what the command takes", async () => {
  expect((await ran("prices", "show", "gpt-4o")).err).toBe(
    "tollhouse: missing required argument 'model'\nUsage: tollhouse prices show [options] <provider> <model>\n",
  );
});

test("help is on standard output, no failure, and not wider than 80 columns, at any command", async () => {
  for (const argv of [["--help"], ["help"], ["keys", "--help"], ["keys", "create", "--help"], ["help", "kill"]]) {
    const { code, out, err } = await ran(...argv);
    expect([code, err]).toEqual([0, ""]);
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  }
});

test("what cannot be read as a file is said in one line, and is no bug of ours", async () => {
  expect(await ran("policies", "diff", "-f", "/")).toEqual({
    code: 6,
    out: "",
    err: "tollhouse: EISDIR: illegal operation on a directory, read\n",
  });
});
