import type { Database, QueryAnswer } from "../database/database.ts";
import { sql, statementName } from "../database/sql.ts";

/**
 * What a start asks of every environment of every tenant, and the one table that each statement reads; `$1` is the tenant, `$2`, where
 * there is one, the environment. One that is not named here is asked everywhere: slower, and never wrong.
 */
export const ASKED_OF_EVERY_PLACE: Readonly<Record<string, string>> = {
  "anomaly-rules": "anomaly_rules",
  "api-keys": "api_keys",
  blocks: "blocks",
  limits: "limits",
  "payload-settings": "payload_settings",
  "plan-assignments": "plan_assignments",
  plans: "plans",
  policies: "policies",
  "provider-keys": "provider_keys",
};

/**
 * A tenant's view of the database while a process starts. A thousand tenants ask thirty thousand questions, nearly all of places where
 * there is nothing: which places have a row in a table is asked once a table, and the others are answered from that. What is asked is
 * asked as the installation, whose connections need not be set to another tenant each time. Only for as long as nobody can change
 * anything: `end` before the port opens.
 */
export class StartView {
  readonly #db: Database;
  readonly #occupied: ReadonlyMap<string, ReadonlySet<string>>;
  #ended = false;

  private constructor(db: Database, occupied: ReadonlyMap<string, ReadonlySet<string>>) {
    this.#db = db;
    this.#occupied = occupied;
  }

  /** `db`: as the installation. */
  static async open(db: Database): Promise<StartView> {
    const occupied = new Map<string, ReadonlySet<string>>();
    for (const [statement, table] of Object.entries(ASKED_OF_EVERY_PLACE)) {
      sql(statement);
      const { rows } = await db.query<{ tenant: string; environment: string }>(
        // One look into the table's index a place: DISTINCT would read every row, and there may be a million.
        `SELECT replace(place.tenant::text, '-', '') AS tenant, place.name AS environment FROM environments place
         CROSS JOIN LATERAL (SELECT FROM ${table} t WHERE t.tenant = place.tenant AND t.environment = place.name LIMIT 1) occupied`,
      );
      occupied.set(statement, new Set(rows.flatMap(({ tenant, environment }) => [tenant, `${tenant} ${environment}`])));
    }
    return new StartView(db, occupied);
  }

  /** The same as `own` from `end` on. */
  of(own: Database): Database {
    return {
      transaction: (work) => own.transaction(work),
      query: (text, values) => (this.#ended ? own.query(text, values) : this.#ask(text, values)),
    };
  }

  end(): void {
    this.#ended = true;
  }

  #ask<Row>(text: string, values: readonly unknown[] = []): Promise<QueryAnswer<Row>> {
    const places = this.#occupied.get(statementName(text) ?? "");
    const place = values.length === 1 ? String(values[0]) : `${String(values[0])} ${String(values[1])}`;
    if (places?.has(place) === false) return Promise.resolve({ rows: [], rowCount: 0 });
    return this.#db.query<Row>(text, values);
  }
}
