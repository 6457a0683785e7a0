import { randomUUIDv7 } from "node:crypto";
import type { NamingConfiguration, UserErased } from "@tollhouse/contract";
import {
  findEntry,
  findUserTraces,
  namesNothing,
  type Database,
  type ErasureRecord,
  type LedgerKeys,
  type NamingRow,
  type Recorder,
  type Spool,
  type UserTraces,
} from "@tollhouse/store";
import type { Access } from "../control/access.ts";
import { Problem } from "../control/problem.ts";
import type { Exchange } from "../gateway/exchange.ts";
import { within } from "../limits/within.ts";
import type { Place } from "../place.ts";
import { Turns } from "../turns.ts";
import type { ChecksElsewhere } from "../sdk/checks-elsewhere.ts";
import type { OpenChecks } from "../sdk/open-checks.ts";
import type { TenantRegistry } from "../tenants/tenant-registry.ts";
import { removeNaming } from "./remove-naming.ts";

export interface ErasureParts {
  readonly keys: LedgerKeys;
  readonly spool: Pick<Spool, "append">;
  readonly recorder: Pick<Recorder, "drained">;
  readonly tenants: Pick<TenantRegistry, "of" | "at">;
  readonly running: Iterable<Exchange>;
  readonly checks: Pick<OpenChecks, "list">;
  /** Null: there is no other node. */
  readonly elsewhere: Pick<ChecksElsewhere, "callsOf"> | null;
  dbOf(tenant: string): Database;
  now(): number;
}

/** What no erasure reaches; told with every one. */
export const REMAINS: readonly string[] = [
  "the entries of the ledger and their sums, under a pseudonym that nothing leads to any more",
  "log lines that were written, and what was exported, backed up or sent elsewhere",
  "texts that operators wrote themselves: names, reasons, descriptions",
  "the same text as the value of another dimension, such as a session or a customer",
  "rows of PostgreSQL that are deleted and not vacuumed yet, and its write-ahead log",
];

const RECORDER_WAIT_MS = 10_000;
const TOLD_MAX = 50;

/**
 * Erases users of a tenant. What it removes of the configuration has entries of its own; the rest goes at one place of the spool, in one
 * transaction. Asked again, it goes on where it was stopped.
 */
export class ErasureService {
  readonly #parts: ErasureParts;
  readonly #turns = new Turns();

  constructor(parts: ErasureParts) {
    this.#parts = parts;
  }

  erase(user: string, configuration: NamingConfiguration, access: Access): Promise<UserErased> {
    return this.#turns.run(async () => {
      const { tenant } = access;
      this.#assertIdle(tenant, user);
      await this.#assertIdleElsewhere(tenant, user);
      const before = await this.#traces(tenant, user);
      assertRemovable(before.inForce, configuration);
      await removeNaming(this.#parts.tenants, tenant, user, before.inForce, access);
      const left = before.inForce.length === 0 ? before : await this.#traces(tenant, user);
      assertRemovable(left.inForce, "refuse");
      const removed = before.inForce.map(({ kind, environment, id }) => ({ kind, environment, id }));
      const remains = [...REMAINS];
      if (!left.known && namesNothing(left.past))
        return { erased: removed.length > 0, sequence: null, entry_hash: null, removed, remains };
      const { sequence, entryHash } = await this.#forget(tenant, user, left, access);
      this.#parts.tenants.of(tenant).keys.forgetUser(user);
      return { erased: true, sequence, entry_hash: entryHash, removed, remains };
    });
  }

  /** Looks at the running calls and appends in one turn: every call of the user is before the record, or comes as a stranger. */
  async #forget(
    tenant: string,
    user: string,
    { past }: UserTraces,
    { actor }: Access,
  ): Promise<{ readonly sequence: number; readonly entryHash: string }> {
    const { keys, spool } = this.#parts;
    this.#assertIdle(tenant, user);
    const record: ErasureRecord = {
      t: "erasure",
      id: randomUUIDv7().replaceAll("-", ""),
      timeMs: this.#parts.now(),
      tenant,
      actor,
      lookup: keys.userLookup(tenant, user).toString("hex"),
      rows: past,
    };
    await spool.append(record);
    await this.#caughtUp();
    const entry = await findEntry(this.#parts.dbOf(tenant), tenant, record.id);
    if (entry === null) throw new Error("the recorder is past an erasure that is not in the ledger");
    return entry;
  }

  async #traces(tenant: string, user: string): Promise<UserTraces> {
    await this.#caughtUp();
    return findUserTraces(this.#parts.dbOf(tenant), this.#parts.keys, tenant, user);
  }

  #caughtUp(): Promise<void> {
    return within(this.#parts.recorder.drained(), RECORDER_WAIT_MS);
  }

  /** A call that runs ends as the call of whom it began as. */
  #assertIdle(tenant: string, user: string): void {
    const { running, checks, tenants } = this.#parts;
    let calls = 0;
    for (const { call } of running)
      if (!call.ended && call.identity.tenant === tenant && call.identity.dimensions.user === user) calls++;
    const places: Place[] = tenants.of(tenant).environments.map((environment) => ({ tenant, environment }));
    const held = places
      .flatMap((place) => checks.list(place))
      .filter(({ call }) => call.identity.dimensions.user === user).length;
    assertNone(calls, held);
  }

  /** As far as they have been let through before: what begins later comes as a stranger, or is before the record. */
  async #assertIdleElsewhere(tenant: string, user: string): Promise<void> {
    const { elsewhere } = this.#parts;
    if (elsewhere === null) return;
    // What has ended here is open in the database until its end is written.
    await this.#caughtUp();
    const found = await elsewhere.callsOf(tenant, user);
    assertNone(
      found.filter(({ expiresMs }) => expiresMs === undefined).length,
      found.filter(({ expiresMs }) => expiresMs !== undefined).length,
    );
  }
}

function assertNone(calls: number, held: number): void {
  if (calls + held === 0) return;
  throw new Problem("USER_IN_USE", "Calls of the user are running: block the user, or wait, and ask again", [
    { field: "calls", problem: `${calls} running` },
    { field: "checks", problem: `${held} open` },
  ]);
}

function assertRemovable(inForce: readonly NamingRow[], configuration: NamingConfiguration): void {
  const kept = configuration === "refuse" ? inForce : inForce.filter(({ kind }) => kind === "condition");
  if (kept.length === 0) return;
  const detail =
    configuration === "refuse"
      ? "Configuration in force names the user: remove it, or ask with configuration=remove"
      : "A policy of others names the user in its condition: change it first";
  const told = kept
    .slice(0, TOLD_MAX)
    .map(({ kind, environment, id }) => ({ field: kind, problem: `${id} in ${environment}` }));
  throw new Problem("USER_IN_USE", detail, told);
}
