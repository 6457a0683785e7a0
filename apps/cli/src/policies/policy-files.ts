import { readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { parseAllDocuments } from "yaml";
import type { Policy, PolicyDocument } from "@tollhouse/contract/control-client";
import { CommandFailed } from "../exit-codes.ts";

/**
 * Policies in a file: one document each, or a list under `policies:`; YAML, so JSON as well. A policy of a file is the one of that name in
 * the environment: ids are given by an installation, and the same file serves several.
 */
export function readPolicies(cwd: string, file: string): PolicyDocument[] {
  const text = readFileSync(isAbsolute(file) ? file : join(cwd, file), "utf8");
  const policies = parseAllDocuments(text).flatMap((document) => {
    const [wrong] = document.errors;
    if (wrong !== undefined) throw new CommandFailed("usage", `${file}: ${wrong.message.split("\n")[0]}`);
    return policiesOf(document.toJS() as unknown, file);
  });
  const twice = policies.find(({ name }, at) => policies.findIndex((other) => other.name === name) !== at);
  if (twice !== undefined) throw new CommandFailed("usage", `${file}: there are two policies named ${twice.name}`);
  if (policies.length === 0) throw new CommandFailed("usage", `${file}: expected at least one policy`);
  return policies;
}

function policiesOf(value: unknown, file: string): PolicyDocument[] {
  if (value === null || value === undefined) return [];
  const list: unknown = typeof value === "object" && "policies" in value ? value.policies : [value];
  if (!Array.isArray(list)) throw new CommandFailed("usage", `${file}: policies: expected a list`);
  return list.map((policy: unknown, at) => {
    // What else is wrong with it the server says, by name.
    if (typeof policy === "object" && policy !== null && "name" in policy && typeof policy.name === "string")
      return policy as PolicyDocument;
    throw new CommandFailed("usage", `${file}: policy ${at + 1}: expected a policy with a name`);
  });
}

export interface PolicyPlan {
  readonly create: readonly PolicyDocument[];
  readonly change: readonly { readonly from: Policy; readonly to: PolicyDocument; readonly lines: readonly string[] }[];
  /** In the environment and not in the file. */
  readonly extra: readonly Policy[];
  readonly unchanged: number;
}

/** What it takes for the environment to be what the file says. */
export function planOf(wanted: readonly PolicyDocument[], found: readonly Policy[]): PolicyPlan {
  const create: PolicyDocument[] = [];
  const change: { from: Policy; to: PolicyDocument; lines: string[] }[] = [];
  for (const to of wanted) {
    const own = found.filter(({ name }) => name === to.name);
    const [from] = own;
    if (own.length > 1)
      throw new CommandFailed(
        "conflict",
        `there are ${own.length} policies named ${to.name}: ${own.map(({ id }) => id).join(", ")}`,
      );
    if (from === undefined) create.push(to);
    else {
      const lines = differences(documentOf(from), to);
      if (lines.length > 0) change.push({ from, to, lines });
    }
  }
  const extra = found.filter(({ name }) => wanted.every((policy) => policy.name !== name));
  return { create, change, extra, unchanged: wanted.length - create.length - change.length };
}

/** Without what the installation gave it: a document that `apply` takes again. */
export function documentOf({
  id: _id,
  version: _version,
  created_at: _createdAt,
  ...document
}: Policy): PolicyDocument {
  return document;
}

/** `- caps.cost: "0.50"` and `+ caps.cost: "1.00"` for each setting that differs. */
export function differences(from: PolicyDocument, to: PolicyDocument): string[] {
  const [before, after] = [settingsOf(from), settingsOf(to)];
  const names = [...new Set([...before.keys(), ...after.keys()])].toSorted();
  return names.flatMap((name) => {
    const [old, next] = [before.get(name), after.get(name)];
    if (old === next) return [];
    return [...(old === undefined ? [] : [`- ${name}: ${old}`]), ...(next === undefined ? [] : [`+ ${name}: ${next}`])];
  });
}

function settingsOf(value: unknown, path = "", settings = new Map<string, string>()): Map<string, string> {
  if (typeof value !== "object" || value === null) return settings.set(path, written(value, path));
  for (const [name, part] of Object.entries(value)) {
    if (part === undefined || (name === "time_zone" && part === "UTC")) continue;
    settingsOf(part, path === "" ? name : `${path}.${name}`, settings);
  }
  return settings;
}

/** `"0.5"` and `"0.500000000"` are one amount; the installation writes the latter. */
function written(value: unknown, path: string): string {
  const isAmount = /(^|\.)(amount|cost)$/.test(path) && /^\d+(\.\d+)?$/.test(String(value));
  if (!isAmount) return JSON.stringify(value);
  const [whole = "0", fraction = ""] = String(value).split(".");
  const kept = fraction.replace(/0+$/, "");
  return JSON.stringify(kept === "" ? whole : `${whole}.${kept}`);
}
