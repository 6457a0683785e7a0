// The tests of shared counters run on a real redis-server, which is in no npm package. Where it is missing it is installed with apt, if
// this machine and this user can do that; else the answer says what to install, and the tests fail.
import { spawnSync } from "node:child_process";

const VERSION_MIN = 7;
const INSTALL = `install redis-server ${VERSION_MIN} or newer (Debian, Ubuntu: apt-get install redis-server; macOS: brew install redis)`;

/** Null: there is one that can be used. Else one line that says what to do. */
export function redisMissing(env = process.env) {
  const asked = spawnSync("redis-server", ["--version"], { env, encoding: "utf8" });
  if (asked.error !== undefined || asked.status !== 0) return `redis-server is not on PATH: ${INSTALL}`;
  const version = /\bv=(\d+)/.exec(asked.stdout)?.[1];
  if (Number(version) >= VERSION_MIN) return null;
  return `redis-server on PATH is ${asked.stdout.trim()}: ${INSTALL}`;
}

/** As `redisMissing`, after an attempt to install it. */
export function needRedis(env = process.env, say = (text) => process.stderr.write(`${text}\n`)) {
  const missing = redisMissing(env);
  if (missing === null || process.getuid?.() !== 0) return missing;
  if (spawnSync("apt-get", ["--version"], { env }).status !== 0) return missing;
  say("tollhouse: installing redis-server with apt …");
  const apt = { env: { ...env, DEBIAN_FRONTEND: "noninteractive" }, encoding: "utf8" };
  spawnSync("apt-get", ["update", "-q"], apt);
  const installed = spawnSync("apt-get", ["install", "-q", "-y", "--no-install-recommends", "redis-server"], apt);
  const still = redisMissing(env);
  return still === null ? null : `${still}\n${installed.stderr ?? ""}`.trim();
}
