import { dayOf } from "./coarse-rollups.ts";
import type { ColumnValue } from "./projection.ts";
import { addSums, sumsOf, USAGE_AXES } from "./rollup.ts";
import type { HourlySums, UsageSums } from "./rollup.ts";

/** What a batch adds to a session, from its first hour to its last; calls without a session are told apart by their days. */
export interface SessionLife extends UsageSums {
  readonly tenant: string;
  readonly environment: ColumnValue;
  readonly session: ColumnValue;
  readonly day: number | null;
  firstHour: number;
  lastHour: number;
}

const ENVIRONMENT = USAGE_AXES.indexOf("environment");
const SESSION = USAGE_AXES.indexOf("session");

export function sessionLives(hourly: HourlySums): SessionLife[] {
  const { names } = hourly;
  const lives = new Map<number, SessionLife>();
  for (const delta of hourly.deltas()) {
    const { tenant, hour, axes, groups } = delta;
    const session = axes[SESSION] ?? null;
    const day = session === null ? dayOf(hour) : null;
    const own = names.pair(groups.place, groups.session);
    const id = day === null ? own : names.pair(own, names.value(day));
    const life = lives.get(id);
    if (life === undefined) {
      const environment = axes[ENVIRONMENT] ?? null;
      lives.set(id, { tenant, environment, session, day, firstHour: hour, lastHour: hour, ...sumsOf(delta) });
    } else {
      addSums(life, delta);
      life.firstHour = Math.min(life.firstHour, hour);
      life.lastHour = Math.max(life.lastHour, hour);
    }
  }
  return [...lives.values()];
}

/** An array for each value of `upsert-usage-of-sessions.sql` before its sums. */
export function columnsOfLives(lives: readonly SessionLife[]): unknown[] {
  return [
    lives.map(({ tenant }) => tenant),
    lives.map(({ environment }) => environment),
    lives.map(({ session }) => session),
    lives.map(({ day }) => day),
    lives.map(({ firstHour }) => firstHour),
    lives.map(({ lastHour }) => lastHour),
  ];
}
