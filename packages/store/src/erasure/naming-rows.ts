import type { BlockKind, PolicyDocument } from "@tollhouse/contract";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { LedgerKeys } from "../ledger/ledger-keys.ts";
import type { ErasedRows } from "../spool/records.ts";

/** Configuration in force that names the user. */
export interface NamingRow {
  /** `condition`: a policy of others that names the user in its `when`. */
  readonly kind: "limit" | "policy" | "condition" | "key" | "plan_assignment" | BlockKind;
  readonly environment: string;
  /** Of a plan assignment: the plan's name. */
  readonly id: string;
}

export interface UserTraces {
  /** Does the user have a row of their own? */
  readonly known: boolean;
  readonly inForce: readonly NamingRow[];
  readonly past: ErasedRows;
}

interface Row {
  readonly kind: "limit" | "policy" | "key" | "plan_assignment" | BlockKind;
  readonly environment: string;
  readonly id: string;
  readonly version: number | null;
  readonly document: string | null;
  readonly in_force: boolean;
}

/** Where the database names the user, but for calls that run. As of what the recorder has written. */
export async function findUserTraces(
  db: Queryable,
  keys: LedgerKeys,
  tenant: string,
  user: string,
): Promise<UserTraces> {
  const inJson = JSON.stringify(user).slice(1, -1);
  const inText = JSON.stringify(inJson).slice(1, -1);
  const { rows } = await db.query<Row>(sql("rows-naming-user"), [tenant, `user:${user}`, user, inJson, inText]);
  const known = await db.query(sql("known-user"), [tenant, keys.userLookup(tenant, user)]);
  const named = rows.flatMap((row) => namingRow(row, user) ?? []);
  const past = named.filter(({ row }) => !row.in_force);
  const idsOf = (test: (kind: NamingRow["kind"]) => boolean): string[] =>
    past.filter(({ found }) => test(found.kind)).map(({ found }) => found.id);
  return {
    known: known.rows.length > 0,
    inForce: named.filter(({ row }) => row.in_force).map(({ found }) => found),
    past: {
      limits: idsOf((kind) => kind === "limit"),
      blocks: idsOf((kind) => kind === "kill_switch" || kind === "blocklist" || kind === "frozen_session"),
      keys: idsOf((kind) => kind === "key"),
      policies: past.flatMap(({ row: { id, version } }) => (version === null ? [] : [{ id, version }])),
    },
  };
}

export function namesNothing({ limits, blocks, keys, policies }: ErasedRows): boolean {
  return limits.length + blocks.length + keys.length + policies.length === 0;
}

function namingRow(row: Row, user: string): { readonly row: Row; readonly found: NamingRow } | null {
  const kind = row.document === null ? row.kind : namedBy(JSON.parse(row.document) as PolicyDocument, user);
  return kind && { row, found: { kind, environment: row.environment, id: row.id } };
}

function namedBy({ attach, when }: PolicyDocument, user: string): "policy" | "condition" | null {
  if (when !== undefined && quotes(when, user)) return "condition";
  return attach !== "default" && attach.user === user ? "policy" : null;
}

/** As a text of its own, whichever way it is quoted; `startsWith("al")` names nobody. */
function quotes(condition: string, user: string): boolean {
  const escaped = JSON.stringify(user).slice(1, -1);
  return [user, escaped, user.replaceAll("\\", "\\\\").replaceAll("'", "\\'")].some(
    (text) => condition.includes(`"${text}"`) || condition.includes(`'${text}'`),
  );
}
