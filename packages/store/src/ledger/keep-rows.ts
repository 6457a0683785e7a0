import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { ChainRow } from "./chain-rows.ts";
import { COARSE_ROLLUPS, coarseDeltas } from "./coarse-rollups.ts";
import { CounterDeltas } from "./counter-deltas.ts";
import { bytesOf, PROJECTION } from "./projection.ts";
import { HourlySums, USAGE_AXES } from "./rollup.ts";
import type { UsageDelta, UsageSums } from "./rollup.ts";
import { columnsOfLives, sessionLives } from "./session-lives.ts";

/** One statement, of which nothing but success is expected: a query, or one that is sent ahead. */
export type Send = (statement: string, values: readonly unknown[]) => Promise<unknown>;

/** Rows a statement: what is sent at once fits the socket, so that PostgreSQL has it while this thread makes the next. */
const ROWS_AT_ONCE = 500;

/** What entries say of every roll-up and counter, added up while they come. */
export class RowSums {
  readonly #hourly = new HourlySums();
  readonly #counters = new CounterDeltas();
  #entries = 0;

  get entries(): number {
    return this.#entries;
  }

  add(rows: readonly ChainRow[]): void {
    this.#entries += rows.length;
    for (const row of rows) {
      this.#hourly.add(row);
      this.#counters.add(row);
    }
  }

  /** A part of the transaction that also inserts the entries. */
  async keep(send: Send): Promise<void> {
    const hourly = this.#hourly;
    await eachPart(hourly.deltas(), (part) => send("upsert-usage-hourly", hourlyColumns(part)));
    for (const rollup of COARSE_ROLLUPS) {
      const { statement, deltas } = coarseDeltas(rollup, hourly);
      await eachPart(deltas, (part) => send(statement, columnsOf(part)));
    }
    await eachPart(sessionLives(hourly), (part) =>
      send("upsert-usage-of-sessions", [...columnsOfLives(part), ...columnsOfSums(part)]),
    );
    await eachPart(this.#counters.deltas(), (part) =>
      send("upsert-counter-sums", [
        part.map((delta) => delta.tenant),
        part.map((delta) => delta.limitId),
        part.map((delta) => delta.windowId),
        part.map((delta) => delta.settled),
        part.map((delta) => delta.lastMs),
      ]),
    );
  }
}

/** Entries with their places in the chain. */
export async function insertRows(send: Send, rows: readonly ChainRow[]): Promise<void> {
  await send("insert-entries", [
    rows.map((row) => row.tenant),
    rows.map((row) => row.sequence),
    ...PROJECTION.map((_, i) => rows.map((row) => row.projection[i] ?? null)),
    rows.map((row) => bytesOf(row.body)),
    rows.map((row) => bytesOf(row.entryHash)),
    rows.map((row) => bytesOf(row.mac)),
  ]);
}

/** Statements one after the other. */
export function sendTo(tx: Queryable): Send {
  return (statement, values) => tx.query(sql(statement), values);
}

async function eachPart<T>(rows: readonly T[], work: (part: readonly T[]) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) await work(rows.slice(from, from + ROWS_AT_ONCE));
}

function hourlyColumns(deltas: readonly UsageDelta[]): unknown[] {
  return [...keysOf(deltas), ...axesOf(deltas, USAGE_AXES.length), ...columnsOfSums(deltas)];
}

function columnsOf(deltas: readonly UsageDelta[]): unknown[] {
  return [...keysOf(deltas), ...columnsOfSums(deltas), ...axesOf(deltas, deltas[0]?.axes.length ?? 0)];
}

function keysOf(deltas: readonly UsageDelta[]): unknown[] {
  return [deltas.map((delta) => delta.tenant), deltas.map((delta) => delta.hour), deltas.map((delta) => delta.rowKey)];
}

function axesOf(deltas: readonly UsageDelta[], axes: number): unknown[] {
  return Array.from({ length: axes }, (_, i) => deltas.map((delta) => delta.axes[i] ?? null));
}

function columnsOfSums(deltas: readonly UsageSums[]): unknown[] {
  return [
    deltas.map((delta) => delta.calls),
    deltas.map((delta) => delta.released),
    deltas.map((delta) => delta.blocked),
    deltas.map((delta) => delta.costUnknown),
    deltas.map((delta) => delta.inputTokens),
    deltas.map((delta) => delta.outputTokens),
    deltas.map((delta) => delta.costNano),
  ];
}
