import { addSums, nameOf } from "./coarse-rollups.ts";
import { USAGE_AXES } from "./rollup.ts";
import type { UsageDelta } from "./rollup.ts";

/** What a batch adds to a session, from its first hour to its last; calls without a session are told apart by their days. */
export interface SessionLife extends UsageDelta {
  readonly day: bigint | null;
  firstHour: bigint;
  lastHour: bigint;
}

const ENVIRONMENT = USAGE_AXES.indexOf("environment");
const SESSION = USAGE_AXES.indexOf("session");
const HOURS_A_DAY = 24n;

export function sessionLives(hourly: readonly UsageDelta[]): SessionLife[] {
  const lives = new Map<string, SessionLife>();
  for (const delta of hourly) {
    const { tenant, hour, axes } = delta;
    const day = sessionOf(delta) === null ? hour / HOURS_A_DAY : null;
    const name = `${tenant}${nameOf(axes[ENVIRONMENT] ?? null)}${day ?? nameOf(sessionOf(delta))}`;
    const life = lives.get(name);
    if (life === undefined) lives.set(name, { ...delta, day, firstHour: hour, lastHour: hour });
    else {
      addSums(life, delta);
      if (hour < life.firstHour) life.firstHour = hour;
      if (hour > life.lastHour) life.lastHour = hour;
    }
  }
  return [...lives.values()];
}

/** An array for each value of `upsert-usage-of-sessions.sql`. */
export function columnsOfLives(lives: readonly SessionLife[]): unknown[] {
  return [
    lives.map(({ tenant }) => tenant),
    lives.map(({ axes }) => axes[ENVIRONMENT] ?? null),
    lives.map(sessionOf),
    lives.map(({ day }) => day),
    lives.map(({ firstHour }) => firstHour),
    lives.map(({ lastHour }) => lastHour),
    lives.map(({ calls }) => calls),
    lives.map(({ released }) => released),
    lives.map(({ blocked }) => blocked),
    lives.map(({ costUnknown }) => costUnknown),
    lives.map(({ inputTokens }) => inputTokens),
    lives.map(({ outputTokens }) => outputTokens),
    lives.map(({ costNano }) => costNano),
  ];
}

function sessionOf({ axes }: UsageDelta): UsageDelta["axes"][number] {
  return axes[SESSION] ?? null;
}
