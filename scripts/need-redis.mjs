// The tests of shared counters run on a real redis-server, which is in no npm package. Where it is missing it is installed with apt, if
// this machine and this user can do that; else the answer says what to install, and the tests fail.
import { spawnSync } from "node:child_process";
import { needProgram, sayOnStandardError } from "./need-program.mjs";

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
export function needRedis(env = process.env, say = sayOnStandardError) {
  return needProgram({ missing: redisMissing, aptPackage: "redis-server", env, say });
}
