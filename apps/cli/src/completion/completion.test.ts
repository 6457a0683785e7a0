import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { terminalFor } from "../cli-fixture.ts";
import { programOf } from "../program.ts";
import { candidates } from "./candidates.ts";
import { candidateLine, COMPLETION_SCRIPTS, SHELLS } from "./scripts.ts";

const program = programOf(terminalFor("").terminal, "0");
const at = (line: string) => candidates(program, line.split(" "), ["home", "work"]).map(({ word }) => word);

test.each([
  ["ki", ["kill", "kill-switches"]],
  ["budgets ", ["list", "set", "show", "delete"]],
  ["--json budgets s", ["set", "show"]],
  ["-e prod sessions fr", ["freeze"]],
  ["keys create x --per", ["--permissions"]],
  ["limits set org usd 5 --window m", ["minute", "month"]],
  ["--profile ", ["home", "work"]],
  ["-p w", ["work"]],
  ["completion ", ["bash", "zsh", "fish"]],
  ["usage --js", ["--json"]],
  ["nonsense ", at("")],
])("at `tollhouse %s` there may stand %j", (line, words) => {
  expect(at(line)).toEqual(words);
});

test("nothing that is hidden is offered", () => {
  expect(at("")).not.toContain("__complete");
  expect(at("").length).toBeGreaterThan(30);
});

test("each shell gets what a command does in its own form", () => {
  const one = { word: "a:b", what: "does\n this" };
  expect(SHELLS.map((shell) => candidateLine(shell, one))).toEqual(["a:b", "a\\:b:does this", "a:b\tdoes this"]);
});

const SOURCE = fileURLToPath(new URL("../main.ts", import.meta.url));
/** Completes a line, and prints what it found, a word a line. */
const IN_SHELL = {
  bash: (words: string[]) =>
    `${COMPLETION_SCRIPTS.bash}\nCOMP_WORDS=(tollhouse ${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length}; _tollhouse; printf '%s\\n' "\${COMPREPLY[@]}"`,
  zsh: (words: string[]) =>
    `compdef() { :; }; _files() { :; }; _describe() { print -l -- "\${(@P)2%%:*}"; }\n${COMPLETION_SCRIPTS.zsh}\nwords=(tollhouse ${words.map((word) => `'${word}'`).join(" ")}); CURRENT=$#words; _tollhouse`,
  fish: (words: string[]) =>
    `${COMPLETION_SCRIPTS.fish}\ncomplete --do-complete 'tollhouse ${words.join(" ")}' | string split -f1 \\t`,
};

const installed = SHELLS.filter((shell) => {
  try {
    execFileSync(shell, ["-c", "true"]);
    return true;
  } catch {
    return false;
  }
});

/** What completed in zsh 5.9 and fish 3.6: whoever changes a script runs the test below where that shell is, and writes down the new one. */
const SEEN_TO_COMPLETE = {
  zsh: "abec2a1c802c73c406a96c69a7d18746a0169b8a8bff06598aa9a3a6e43dd76e",
  fish: "dc8bc012ce2e13ae0169eb76aa808bab40d320ab7bc0129dad8b5f6bea95c3b9",
} as const;

test.each(["zsh", "fish"] as const)("the script for %s is the one that was seen to complete in it", (shell) => {
  expect(createHash("sha256").update(COMPLETION_SCRIPTS[shell]).digest("hex")).toBe(SEEN_TO_COMPLETE[shell]);
});

// bash is everywhere where these tests run; the others are tested where they are.
test.each(installed)("%s completes with the script that it is given", (shell) => {
  const folder = mkdtempSync(join(tmpdir(), "tollhouse-completion-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(
    join(folder, "tollhouse"),
    `#!/bin/sh\nexec '${process.execPath}' --conditions=@tollhouse/source '${SOURCE}' "$@"\n`,
    { mode: 0o755 },
  );
  const complete = (...words: string[]) =>
    execFileSync(shell, ["-c", IN_SHELL[shell](words)], {
      encoding: "utf8",
      env: { ...process.env, PATH: `${folder}:${process.env["PATH"]}` },
    })
      .trim()
      .split("\n");
  // Each shell has an order of its own.
  expect(complete("sessions", "").toSorted()).toEqual(["freeze", "list", "reset", "show", "unfreeze"]);
  expect(complete("limits", "list", "--sc").toSorted()).toEqual(["--scope", "--scope-kind"]);
});
