import type { Member } from "@tollhouse/contract/control-client";

export type Role = Member["role"];

interface RoleRow {
  readonly value: Role;
  /** What it may do that the one before may not. */
  readonly may: string;
}

/** Each may do what those before it may. */
export const ROLES: readonly RoleRow[] = [
  { value: "viewer", may: "sees spend, calls, limits and the ledger" },
  { value: "operator", may: "also stops traffic, blocks and freezes, and lifts it again" },
  { value: "admin", may: "also changes limits, policies, keys and members, and reads texts of calls" },
  { value: "owner", may: "also makes owners and environments, and decides whether texts are kept" },
];
