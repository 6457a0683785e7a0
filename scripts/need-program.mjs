// Programs that tests run on and no npm package brings: installed with apt, where this machine and this user can do that.
import { spawnSync } from "node:child_process";

/** Null: there is one that can be used, perhaps since now. Else what `missing` says, and what apt said to it. */
export function needProgram({ missing, aptPackage, env, say }) {
  const before = missing(env);
  if (before === null || process.getuid?.() !== 0) return before;
  if (spawnSync("apt-get", ["--version"], { env }).status !== 0) return before;
  say(`tollhouse: installing ${aptPackage} with apt …`);
  const apt = { env: { ...env, DEBIAN_FRONTEND: "noninteractive" }, encoding: "utf8" };
  spawnSync("apt-get", ["update", "-q"], apt);
  const installed = spawnSync("apt-get", ["install", "-q", "-y", "--no-install-recommends", aptPackage], apt);
  const still = missing(env);
  return still === null ? null : `${still}\n${installed.stderr ?? ""}`.trim();
}

export function sayOnStandardError(text) {
  process.stderr.write(`${text}\n`);
}
