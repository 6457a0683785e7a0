import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MEMBER_ROLES, type MemberRole } from "@tollhouse/contract";
import type { Endpoint } from "../../apps/server/src/control/endpoint.ts";
import { ENDPOINTS } from "../../apps/server/src/control/endpoints/table.ts";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { MemberBrowser, type Told } from "./member-browser.ts";

// E18, of members: each role at every route that there is, in the installation's first tenant and in another. What each may ask beyond
// reading is said here once more, so that no change of the table opens something by itself.

const PASSWORD = "correct horse battery staple";

/** Operations that the role before may not ask. What stands nowhere here is read by everybody, and is a GET. */
const FROM: Readonly<Record<"operator" | "admin" | "owner" | "owner of default", readonly string[]>> = {
  operator: [
    "createBlock",
    "createKillSwitch",
    "createKillSwitchEverywhere",
    "deleteBlock",
    "deleteKillSwitch",
    "deleteKillSwitchEverywhere",
    "freezeSession",
    "previewKillSwitch",
    "previewKillSwitchEverywhere",
    "resetSession",
    "resetSessionOfDashboard",
    "unfreezeSession",
    "unfreezeSessionOfDashboard",
  ],
  admin: [
    "assignCustomerPlan",
    "assignUserPlan",
    "createAnomalyRule",
    "createKey",
    "createLimit",
    "createMember",
    "createPolicy",
    "deleteAnomalyRule",
    "deleteLimit",
    "deleteMember",
    "deletePlan",
    "deletePolicy",
    "deleteProviderKey",
    "eraseUser",
    "getMember",
    "getPayload",
    "inviteMember",
    "listMembers",
    "putPlan",
    "rehearsePolicy",
    "revokeKey",
    "rotateKey",
    "setProviderKey",
    "unassignCustomerPlan",
    "unassignUserPlan",
    "updateAnomalyRule",
    "updateKey",
    "updateLimit",
    "updateMember",
    "updatePolicy",
  ],
  owner: ["createEnvironment", "rotateLedgerKey", "updatePayloadLogging", "updateRetention"],
  "owner of default": ["createTenant", "getSystem", "getTenant", "listTenants"],
};
/** No GET, and changes nothing but what is of whoever asks. */
const READ_ALL_THE_SAME = [
  "beginVerification",
  "changePassword",
  "deleteView",
  "endSession",
  "putView",
  "verifyLedger",
];

const asked: readonly Endpoint[] = (ENDPOINTS as readonly Endpoint[]).filter(
  ({ open, caller, operationId }) => open !== true && caller === undefined && operationId !== "endSession",
);

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse({
    env: {
      TOLLHOUSE_AUTH: "required",
      TOLLHOUSE_CONTROL_REQUESTS_PER_MINUTE: "0",
      TOLLHOUSE_CONTROL_FAILURES_PER_MINUTE: "0",
    },
  });
  await world.control("POST", "/api/v1/tenants", { name: "acme" });
});
afterAll(() => world.stop());

async function member(role: MemberRole, tenant: string): Promise<MemberBrowser> {
  const email = `${role}@${tenant}.example`;
  const browser = new MemberBrowser(world.url);
  const body = { email, password: PASSWORD, ...(tenant !== "default" && { tenant }) };
  if ((await browser.signIn("/api/sign-in/password", body)).status === 200) return browser;
  await world.control("POST", `/api/v1/members?tenant=${tenant}`, { email, name: role, role, password: PASSWORD });
  expect((await browser.signIn("/api/sign-in/password", body)).status).toBe(200);
  return browser;
}

/** Of nobody, and with a body that says nothing that can be done: what may be asked changes nothing. */
function ask(browser: MemberBrowser, { method, path }: Endpoint, query = ""): Promise<Told> {
  const target = `${path.replaceAll(/\{\w+\}/g, "nobodys")}${query}`;
  return browser.ask(method, target, { ...(method !== "GET" && { body: { nobodys: true } }) });
}

function firstRole({ operationId, method }: Endpoint): keyof typeof FROM | "viewer" {
  for (const [role, operations] of Object.entries(FROM))
    if (operations.includes(operationId)) return role as keyof typeof FROM;
  expect([operationId, method === "GET" || READ_ALL_THE_SAME.includes(operationId)]).toEqual([operationId, true]);
  return "viewer";
}

const ORDER = ["viewer", "operator", "admin", "owner", "owner of default"] as const;

describe.each(["default", "acme"])("in the tenant %s", (tenant) => {
  test.each(MEMBER_ROLES)("%s: every route answers, or refuses for the role", async (role) => {
    const browser = await member(role, tenant);
    const rank = ORDER.indexOf(role) + (role === "owner" && tenant === "default" ? 1 : 0);
    for (const each of asked) {
      const told = await ask(browser, each);
      const may = ORDER.indexOf(firstRole(each)) <= rank;
      expect([each.operationId, told.status === 403 ? told.code : "answered"]).toEqual([
        each.operationId,
        may ? "answered" : "ROLE_INSUFFICIENT",
      ]);
      if (may) expect([each.operationId, told.status]).toEqual([each.operationId, expect.toBeOneOf([200, 400, 404])]);
    }
  });
});

test("nobody but an owner of the first tenant names another one, their own neither", async () => {
  for (const [role, tenant, status] of [
    ["owner", "default", 200],
    ["admin", "default", 403],
    ["owner", "acme", 403],
  ] as const) {
    const browser = await member(role, tenant);
    for (const named of ["default", "acme"]) {
      const told = await browser.ask("GET", `/api/v1/limits?tenant=${named}`);
      expect([role, tenant, named, told.status]).toEqual([role, tenant, named, status]);
    }
  }
});

describe("an admin", () => {
  test("makes no owner, of themselves neither, and changes and removes none", async () => {
    const admin = await member("admin", "acme");
    const { members } = (await admin.ask<{ members: { id: string; role: string }[] }>("GET", "/api/v1/members")).body;
    const idOf = (role: string): string => members.find((one) => one.role === role)?.id as string;
    const body = { email: "new@acme.example", name: "new", role: "owner", password: PASSWORD };
    for (const [method, path, sent] of [
      ["POST", "/api/v1/members", body],
      ["PUT", `/api/v1/members/${idOf("admin")}`, { role: "owner" }],
      ["PUT", `/api/v1/members/${idOf("viewer")}`, { role: "owner" }],
      ["PUT", `/api/v1/members/${idOf("owner")}`, { role: "viewer" }],
      ["PUT", `/api/v1/members/${idOf("owner")}`, { name: "x" }],
      ["POST", `/api/v1/members/${idOf("owner")}/invite`, {}],
      ["DELETE", `/api/v1/members/${idOf("owner")}`, undefined],
    ] as const)
      expect([method, path, (await admin.ask(method, path, { body: sent })).code]).toEqual([
        method,
        path,
        "ROLE_INSUFFICIENT",
      ]);
  });

  test("sees and changes no member of another tenant", async () => {
    const admin = await member("admin", "acme");
    const other = await member("viewer", "default");
    const { body } = await other.ask<{ member: { id: string } }>("GET", "/api/v1/session");
    const path = `/api/v1/members/${body.member.id}`;
    for (const [method, sent] of [
      ["GET", undefined],
      ["PUT", { disabled: true }],
      ["DELETE", undefined],
    ] as const)
      expect([method, (await admin.ask(method, path, { body: sent })).code]).toEqual([method, "NOT_FOUND"]);
  });
});

test("a lost update of a member is refused by body and by header", async () => {
  const admin = await member("admin", "acme");
  const { members } = (
    await admin.ask<{ members: { id: string; role: string; version: number }[] }>("GET", "/api/v1/members")
  ).body;
  const { id, version } = members.find((one) => one.role === "viewer") as { id: string; version: number };
  const path = `/api/v1/members/${id}`;
  expect((await admin.ask("PUT", path, { body: { name: "x", version: version + 1 } })).code).toBe("VERSION_CONFLICT");
  expect((await admin.ask("PUT", path, { body: { name: "x" }, headers: { "if-match": '"99"' } })).code).toBe(
    "PRECONDITION_FAILED",
  );
  const both = await Promise.all(["a", "b"].map((name) => admin.ask("PUT", path, { body: { name, version } })));
  expect(both.map(({ code }) => String(code)).toSorted()).toEqual(["VERSION_CONFLICT", "undefined"]);
});
