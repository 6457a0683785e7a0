import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { IntentRecord } from "../spool/records.ts";

/** A call that is open at some node, as the database has it: up to a second or two behind that node. */
export interface CallAtNode {
  readonly node: string;
  readonly intent: IntentRecord;
  readonly reservedUsd: bigint;
  readonly reservedTokens: bigint;
}

interface CallRow {
  readonly node: string;
  readonly decision: string;
  readonly intent: string;
  readonly reserved_usd: bigint;
  readonly reserved_tokens: bigint;
}

const PAGE = 500;
const FIRST_ID = "0".repeat(32);

/** Ids of the nodes that were heard of within this time, by PostgreSQL's clock. */
export async function aliveNodes(db: Queryable, withinSeconds: number): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ id: string }>(sql("alive-nodes"), [withinSeconds]);
  return new Set(rows.map(({ id }) => id));
}

/** Of these decisions those that are open; not what is too young to be in the database, nor what has ended. */
export async function openCallsByDecision(
  db: Queryable,
  decisions: readonly string[],
): Promise<ReadonlyMap<string, CallAtNode>> {
  if (decisions.length === 0) return new Map();
  const { rows } = await db.query<CallRow>(sql("open-calls-by-decision"), [decisions]);
  return new Map(rows.map((row) => [row.decision, callOf(row)]));
}

/** What is open at any node and was let through with these dimensions, or as a check of an SDK that holds. */
export async function openCallsWhere(
  db: Queryable,
  place: { readonly tenant: string; readonly environment?: string },
  asked: { readonly user?: string; readonly checks?: true },
): Promise<readonly CallAtNode[]> {
  const { tenant, environment } = place;
  const { user, checks } = asked;
  const said = [
    `"tenant":${JSON.stringify(tenant)}`,
    ...(environment === undefined ? [] : [`"environment":${JSON.stringify(environment)}`]),
    ...(user === undefined ? [] : [`"user":${JSON.stringify(user)}`]),
    ...(checks === undefined ? [] : ['"expiresMs":']),
  ];
  const patterns = said.map((text) => `%${text.replaceAll(/[\\%_]/g, "\\$&")}%`);
  const { rows } = await db.query<CallRow>(sql("open-calls-like"), [patterns]);
  // A text that is like it may stand anywhere.
  return rows
    .map(callOf)
    .filter(
      ({ intent }) =>
        intent.tenant === tenant &&
        (environment === undefined || intent.environment === environment) &&
        (user === undefined || intent.dimensions.user === user) &&
        (checks === undefined || intent.expiresMs !== undefined),
    );
}

/** What nodes left open that were not heard of for this long, a page at a time. */
export async function* callsLeftOpen(db: Queryable, goneSeconds: number): AsyncGenerator<readonly CallAtNode[], void> {
  for (let after: readonly [string, string] = [FIRST_ID, FIRST_ID]; ;) {
    const { rows } = await db.query<CallRow>(sql("open-calls-left"), [...after, goneSeconds, PAGE]);
    if (rows.length > 0) yield rows.map(callOf);
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return;
    after = [last.node, last.decision];
  }
}

/** Forgets calls that ended elsewhere so long ago that their node is not waited for any more. */
export async function forgetEndedCalls(db: Queryable, days: number): Promise<void> {
  await db.query(sql("forget-ended-calls"), [days]);
}

function callOf({ node, intent, reserved_usd, reserved_tokens }: CallRow): CallAtNode {
  return {
    node,
    intent: JSON.parse(intent) as IntentRecord,
    reservedUsd: reserved_usd,
    reservedTokens: reserved_tokens,
  };
}

/** The environment that all of these limits are in; null where none of them is known. */
export async function environmentOfLimits(
  db: Queryable,
  tenant: string,
  limits: readonly string[],
): Promise<string | null> {
  const { rows } = await db.query<{ environment: string }>(sql("environments-of-limits"), [tenant, limits]);
  return rows.length === 1 ? (rows[0]?.environment ?? null) : null;
}
