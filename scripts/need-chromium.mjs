// The tests of the dashboard drive a real Chromium, which is in no npm package that we use: found on PATH (or where TOLLHOUSE_CHROMIUM
// says), else installed with apt as redis-server is; else the answer says what to install, and the tests fail.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { needProgram, sayOnStandardError } from "./need-program.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
/** macOS has programs in folders that are on no PATH. */
const PLACES = [
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];
const INSTALL =
  "install Chromium (Debian: apt-get install chromium; macOS: brew install --cask chromium), or name one with TOLLHOUSE_CHROMIUM";

/** The program to start; null: there is none. */
export function chromiumPath(env = process.env, places = PLACES) {
  if (env.TOLLHOUSE_CHROMIUM !== undefined) return isProgram(env.TOLLHOUSE_CHROMIUM) ? env.TOLLHOUSE_CHROMIUM : null;
  const folders = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const candidates = [...NAMES.flatMap((name) => folders.map((folder) => join(folder, name))), ...places];
  return candidates.find(isProgram) ?? null;
}

/** Null: there is one. Else one line that says what to do. */
export function chromiumMissing(env = process.env, places = PLACES) {
  if (chromiumPath(env, places) !== null) return null;
  if (env.TOLLHOUSE_CHROMIUM !== undefined)
    return `TOLLHOUSE_CHROMIUM is no program that can be started: ${env.TOLLHOUSE_CHROMIUM}`;
  return `chromium is not on PATH: ${INSTALL}`;
}

/** As `chromiumMissing`, after an attempt to install it. */
export function needChromium(env = process.env, say = sayOnStandardError, places = PLACES) {
  return needProgram({ missing: (now) => chromiumMissing(now, places), aptPackage: "chromium", env, say });
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
