import { ROLLING_SLOT_MS, rollingSlots, windowAt, type Limit, type Window } from "@tollhouse/engine";

/** What the scripts need of a limit at an instant, kept between calls: a limit is the same object for thousands of them. */
export interface SeenLimit {
  readonly limit: Limit;
  readonly window: Window;
  readonly counter: CounterName;
  /** Empty: amount and mode are the call's own, and tell nothing to others. */
  readonly version: string;
  /** Empty: soft. */
  readonly amount: string;
}

/** A counter as the store names it, whichever epoch it is. */
export interface CounterName {
  readonly limitId: string;
  readonly windowId: string;
  /** `u`, `t`, `q`; a capital: rolling. */
  readonly kind: string;
  /** Of its key, after the epoch. */
  readonly suffix: string;
  /** In the text that a reservation keeps of its counters. */
  readonly text: string;
}

/** Between the parts of that text. In no id. */
const BETWEEN = "\x1f";
const KIND = { usd: "u", tokens: "t", requests: "q" } as const;
const MEASURE = { u: "usd", t: "tokens", q: "requests" } as const;
const AFTER_END_MS = 3_600_000;
const ROLLING_KEPT_MS = 98 * ROLLING_SLOT_MS + AFTER_END_MS;
/** Of a counter whose window is known by its id alone: the longest there is. */
const MONTH_MS = 31 * 86_400_000;

const seen = new WeakMap<Limit, SeenLimit>();

export function seeLimit(limit: Limit, nowMs: number): SeenLimit {
  const known = seen.get(limit);
  if (known !== undefined && nowMs >= known.window.startMs && nowMs < known.window.endMs) return known;
  const window = windowAt(limit.window, limit.timeZone, nowMs);
  const fresh: SeenLimit = {
    limit,
    window,
    counter: counterName(limit.id, window.id, limit.measure),
    ...termsOf(limit),
  };
  seen.set(limit, fresh);
  return fresh;
}

/** The same counter, and what its limit says among `now`. One that is no longer among them goes on as it was. */
export function seenAs(each: SeenLimit, now: readonly Limit[]): SeenLimit {
  const limit = now.find(({ id }) => id === each.limit.id);
  return limit === undefined || limit === each.limit ? each : { ...each, limit, ...termsOf(limit) };
}

function termsOf(limit: Limit): Pick<SeenLimit, "version" | "amount"> {
  return {
    version: limit.perCall === undefined ? String(limit.version) : "",
    amount: limit.mode === "soft" ? "" : String(limit.amount),
  };
}

export function counterName(limitId: string, windowId: string, measure: Limit["measure"]): CounterName {
  if (limitId.includes(BETWEEN))
    throw new RangeError(`limit ${JSON.stringify(limitId)}: expected no control characters`);
  const rolling = isSlot(windowId);
  const kind = rolling ? KIND[measure].toUpperCase() : KIND[measure];
  const suffix = counterSuffix(limitId, windowId);
  return { limitId, windowId, kind, suffix, text: `${kind}${BETWEEN}${limitId}${BETWEEN}${windowId}${BETWEEN}` };
}

export function counterSuffix(limitId: string, windowId: string): string {
  return isSlot(windowId) ? `w:${limitId}` : `c:${limitId}:${windowId}`;
}

/** The window of a rolling counter is a slot: its number. */
export function isSlot(windowId: string): boolean {
  return /^-?\d+$/.test(windowId);
}

/** What a reservation keeps, read again. */
export function readCounters(
  text: string,
): { readonly limitId: string; readonly windowId: string; readonly measure: Limit["measure"] }[] {
  const parts = text.split(BETWEEN);
  const counters = [];
  for (let i = 0; i + 2 < parts.length; i += 3) {
    const [kind, limitId, windowId] = parts.slice(i, i + 3) as [string, string, string];
    counters.push({ limitId, windowId, measure: MEASURE[kind.toLowerCase() as keyof typeof MEASURE] });
  }
  return counters;
}

/** The oldest slot that counts at this instant, as the scripts take it. */
export function oldestSlot(nowMs: number): string {
  return String(rollingSlots(nowMs).oldest);
}

/** How long from now the counter of this window is kept, for a reservation that is held until `deadlineMs`; see admit.lua. */
export function keptFor({ window, counter }: SeenLimit, nowMs: number, deadlineMs: number): string {
  if (window.endMs === Infinity) return "";
  if (isSlot(counter.windowId)) return String(ROLLING_KEPT_MS);
  if (deadlineMs > window.endMs) return `+${Math.ceil(deadlineMs - nowMs) + AFTER_END_MS}`;
  return String(Math.ceil(window.endMs - nowMs) + AFTER_END_MS);
}

/** The same where only the window's id is known. Empty: for ever. */
export function keptForId(windowId: string, nowMs: number): string {
  if (windowId === "lifetime") return "";
  const startMs = isSlot(windowId) ? Number(windowId) * ROLLING_SLOT_MS : Date.parse(windowId);
  return String(Math.max(AFTER_END_MS, Math.ceil(startMs + MONTH_MS + AFTER_END_MS - nowMs)));
}
