import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";

/** Whose views are meant. */
export interface ViewOwner {
  /** 32 hex digits. */
  readonly tenant: string;
  /** `member:mem_…`, or a key, as the ledger names them. */
  readonly actor: string;
}

export interface NamedQuestion {
  readonly name: string;
  readonly page: "explore" | "calls";
  /** What stands behind the `?` of the page's address. */
  readonly search: string;
}

export interface SavedView extends NamedQuestion {
  readonly savedAt: Date;
}

/** Of one owner; more would be a list that nobody reads. */
export const SAVED_VIEWS_MAX = 100;

type Row = NamedQuestion & { readonly saved_at: Date };

export async function savedViews(db: Queryable, { tenant, actor }: ViewOwner): Promise<SavedView[]> {
  return (await db.query<Row>(sql("saved-views"), [tenant, actor])).rows.map(viewOf);
}

/** Under a name that is taken it takes the place of what was there. null = the owner has as many as there may be. */
export async function putSavedView(
  db: Queryable,
  { tenant, actor }: ViewOwner,
  { name, page, search }: NamedQuestion,
): Promise<SavedView | null> {
  const { rows } = await db.query<Row>(sql("put-saved-view"), [tenant, actor, name, page, search, SAVED_VIEWS_MAX]);
  return rows[0] === undefined ? null : viewOf(rows[0]);
}

/** false = there was none. */
export async function deleteSavedView(db: Queryable, { tenant, actor }: ViewOwner, name: string): Promise<boolean> {
  return (await db.query(sql("delete-saved-view"), [tenant, actor, name])).rows.length > 0;
}

function viewOf({ saved_at, name, page, search }: Row): SavedView {
  return { name, page, search, savedAt: saved_at };
}
