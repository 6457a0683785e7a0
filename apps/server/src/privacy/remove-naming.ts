import type { NamingRow } from "@tollhouse/store";
import type { Access } from "../control/access.ts";
import { Problem } from "../control/problem.ts";
import type { TenantRegistry } from "../tenants/tenant-registry.ts";

/** Blocks last: while anything is left that concerns a blocked user, they stay out. */
const ORDER: readonly NamingRow["kind"][] = [
  "key",
  "limit",
  "policy",
  "plan_assignment",
  "kill_switch",
  "blocklist",
  "frozen_session",
];

/** Removes configuration as its own endpoint would: an entry each, in force at once. What is gone meanwhile is gone. */
export async function removeNaming(
  tenants: Pick<TenantRegistry, "of" | "at">,
  tenant: string,
  user: string,
  rows: readonly NamingRow[],
  access: Access,
): Promise<void> {
  for (const row of [...rows].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind)))
    await removeOne(tenants, tenant, user, row, access).catch((error: unknown) => {
      if (!(error instanceof Problem && error.code === "NOT_FOUND")) throw error;
    });
}

function removeOne(
  tenants: Pick<TenantRegistry, "of" | "at">,
  tenant: string,
  user: string,
  { kind, environment, id }: NamingRow,
  access: Access,
): Promise<void> {
  const { limits, policies, blocks } = tenants.at({ tenant, environment });
  switch (kind) {
    case "key":
      return tenants.of(tenant).keys.revoke(id, environment, access);
    case "limit":
      return limits.remove(id, access.actor);
    case "policy":
      return policies.policies.remove(id, access.actor, null);
    case "plan_assignment":
      return policies.plans.assign({ holder: "user", value: user }, null, access.actor);
    case "kill_switch":
    case "blocklist":
    case "frozen_session":
      return blocks.blocks.lift(kind, id, access.actor);
    case "condition":
      throw new Error(`policy ${id} is about others: it is not removed with a user`);
    default:
      throw new Error(`unknown kind of configuration ${String(kind satisfies never)}`);
  }
}
