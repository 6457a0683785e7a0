import type { MemberPermission, MemberRole } from "@tollhouse/contract";
import { DEFAULT_TENANT } from "@tollhouse/store";

/** What each role may do: the whole of it. */
export const ROLE_PERMISSIONS: { readonly [R in MemberRole]: readonly MemberPermission[] } = {
  viewer: ["read"],
  operator: ["read", "operate"],
  admin: ["read", "operate", "manage", "payloads", "members"],
  owner: ["read", "operate", "manage", "payloads", "members", "own"],
};

/** The installation is administered by the owners of its first tenant. */
export function permissionsOf(role: MemberRole, tenant: string): ReadonlySet<MemberPermission> {
  const permissions = ROLE_PERMISSIONS[role];
  return new Set(role === "owner" && tenant === DEFAULT_TENANT ? [...permissions, "installation"] : permissions);
}

/** What of an endpoint says what it asks of a member. */
export interface AskedOperation {
  readonly operationId: string;
  readonly method: string;
  readonly keys?: true;
}

/**
 * What an operation asks of a member. Where none is named: what is open to keys asks what it asks of a key, and what is the admin
 * key's alone is the installation's.
 */
export function permissionFor({ operationId, method, keys }: AskedOperation): MemberPermission {
  const named = (NAMED as Readonly<Record<string, MemberPermission>>)[operationId];
  if (named !== undefined) return named;
  if (keys !== true) return "installation";
  return method === "GET" ? "read" : "manage";
}

/** Of the admin key's alone: about more than a key's one environment, which a member's tenant is. */
const NAMED = {
  endSession: "read",
  changePassword: "read",
  listPrices: "read",
  putView: "read",
  listViews: "read",
  deleteView: "read",
  verifyLedger: "read",
  beginVerification: "read",
  getVerification: "read",
  exportLedger: "read",
  previewKillSwitch: "operate",
  createKillSwitch: "operate",
  deleteKillSwitch: "operate",
  previewKillSwitchEverywhere: "operate",
  createKillSwitchEverywhere: "operate",
  deleteKillSwitchEverywhere: "operate",
  createBlock: "operate",
  deleteBlock: "operate",
  freezeSession: "operate",
  unfreezeSession: "operate",
  resetSession: "operate",
  unfreezeSessionOfDashboard: "operate",
  resetSessionOfDashboard: "operate",
  eraseUser: "manage",
  getPayload: "payloads",
  listMemberNames: "read",
  listMembers: "members",
  getMember: "members",
  createMember: "members",
  updateMember: "members",
  deleteMember: "members",
  inviteMember: "members",
  createEnvironment: "own",
  rotateLedgerKey: "own",
  updatePayloadLogging: "own",
  updateRetention: "own",
} as const satisfies Readonly<Record<string, MemberPermission>>;
