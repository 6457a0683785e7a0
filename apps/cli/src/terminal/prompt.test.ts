import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { readHidden, readLine } from "./prompt.ts";
import { columnsOf, type Terminal } from "./terminal.ts";

const at = (stdout: object = {}): { terminal: Terminal; stdin: PassThrough } => {
  const stdin = new PassThrough();
  const streams = { stdin, stderr: new PassThrough(), stdout: Object.assign(new PassThrough(), stdout) };
  return { stdin, terminal: { env: {}, cwd: "/", ...streams, interrupted: new AbortController().signal } };
};

test.each([
  ["a question", readLine],
  ["a secret", readHidden],
])("who ends the input at %s ends the command, and it does not wait for ever", async (_what, read) => {
  const { terminal, stdin } = at();
  const asked = read(terminal, "? ");
  stdin.end();
  await expect(asked).rejects.toMatchObject({ name: "AbortError" });
});

test("a terminal that does not say how wide it is has 80 columns", () => {
  expect(columnsOf(at({ isTTY: true, columns: 0 }).terminal)).toBe(80);
  expect(columnsOf(at({ isTTY: true, columns: 132 }).terminal)).toBe(132);
});
