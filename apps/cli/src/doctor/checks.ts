import type { Answer } from "../api/api.ts";
import { bad, ok, systemChecks as checksOf, type Check, type System } from "@tollhouse/contract/control-client";
import { count, money, time } from "../terminal/amounts.ts";

export type { Check } from "@tollhouse/contract/control-client";
export { bad, ok };

const NODE_MIN = [22, 12] as const;

export function runtimeCheck(version: string): Check {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  const fits = major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
  return fits
    ? ok("Node", version)
    : bad("fail", "Node", version, `Install Node ${NODE_MIN.join(".")} or newer for this command line.`);
}

/** A second is what the header can tell; ten are where signatures, expiries and windows begin to disagree. */
const CLOCK_WARN_S = 2;
const CLOCK_FAIL_S = 10;

/** `dateHeader`: of the server's answer, in whole seconds. `aroundMs`: our time when it was on its way. */
export function clockCheck(dateHeader: string | null, aroundMs: number): Check {
  const theirs = Date.parse(dateHeader ?? "");
  if (Number.isNaN(theirs))
    return bad("unknown", "clock", "the server does not say its time", "Compare `date -u` on both machines.");
  // The header is cut to the second, so half of one is expected.
  const apartS = Math.abs(theirs + 500 - aroundMs) / 1_000;
  const found = `${apartS < 1 ? "less than 1" : Math.round(apartS)} s apart from this machine`;
  if (apartS < CLOCK_WARN_S) return ok("clock", found);
  const next = "Set both clocks by NTP: windows of limits and the ledger's times are the server's.";
  return bad(apartS < CLOCK_FAIL_S ? "warn" : "fail", "clock", found, next);
}

export function transportCheck(url: string): Check {
  const { protocol, hostname } = new URL(url);
  const isHere = hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
  if (protocol === "https:" || isHere) return ok("transport", protocol === "https:" ? "https" : "loopback");
  return bad("warn", "transport", "plain http to another machine", "Put TLS in front: the key can be read on the way.");
}

/** Everything that `GET /api/v1/system` says, as a terminal writes it. */
export function systemChecks(system: System): Check[] {
  return checksOf(system, { money, count, time });
}

const NIGHT_MISSED_MS = 2 * 86_400_000;

/** What the nightly verification of the chain found. */
export function ledgerCheck(verification: Answer<"getLedgerVerification">, nowMs: number): Check {
  const { result, looked_at, verified_to, first_bad_sequence, problem } = verification;
  if (looked_at === null) return ok("ledger", "no night has passed yet; `tollhouse ledger verify` looks now");
  if (result === "FAIL")
    return bad(
      "fail",
      "ledger",
      `bad from sequence ${first_bad_sequence ?? "?"} on: ${problem ?? "it is not said why"}`,
      "Somebody changed what is stored: `tollhouse ledger verify --deep`, and compare with a pin and a backup.",
    );
  const found = `verified to entry ${count(verified_to)}, ${time(looked_at)}`;
  return nowMs - Date.parse(looked_at) < NIGHT_MISSED_MS
    ? ok("ledger", found)
    : bad("warn", "ledger", found, "No process looks at night: one must have the role jobs.");
}
