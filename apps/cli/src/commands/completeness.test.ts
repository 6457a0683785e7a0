import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { OPERATIONS } from "@tollhouse/contract/control-client";

/** For programs or browsers, or the same under another name. */
const NOT_FOR_A_TERMINAL = [
  "beginOidc",
  "beginSaml",
  "changePassword",
  "completeOidc",
  "completeSaml",
  "deleteView",
  "endSession",
  "evaluate",
  "getEvents",
  "getMetrics",
  "getOpenApi",
  "getSamlMetadata",
  "getSignIn",
  "listMemberNames",
  "listViews",
  "putView",
  "recordUsage",
  "resetSessionOfDashboard",
  "sdkCheck",
  "sdkLog",
  "sdkRecord",
  "signInInvitation",
  "signInOwner",
  "signInPassword",
  "unfreezeSessionOfDashboard",
  "verifyLedger",
];

test("every operation of the control API has its command", () => {
  const folder = new URL("../", import.meta.url);
  const sources = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && !name.startsWith("api"),
  );
  const text = sources.map((name) => readFileSync(new URL(name, folder), "utf8")).join("\n");
  // `get${kind}Plan`: of users and of customers.
  const used = (operation: string): boolean =>
    text.includes(`"${operation}"`) || text.includes(`\`${operation.replace(/User|Customer/, "${kind}")}\``);
  const missing = Object.keys(OPERATIONS).filter((operation) => !used(operation));
  expect(missing).toEqual(NOT_FOR_A_TERMINAL);
});
