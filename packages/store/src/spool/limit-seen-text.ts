import type { LimitMode, Measure, ScopeKind, WindowKind } from "@tollhouse/contract";
import type { Limit } from "@tollhouse/engine";
import { windowOfId } from "@tollhouse/engine/window";
import type { LimitSeen } from "@tollhouse/ledger";
import type { CounterState } from "../counters/counter-store.ts";
import type { LimitSeenRecord } from "./records.ts";

/** What of the text is the limit's own: a limit is immutable, so it is put together once. */
const fixed = new WeakMap<Limit, string>();

/** States as `LimitSeenRecord` has them. On the path of every call. */
export function limitSeenTexts(states: readonly CounterState[]): LimitSeenRecord[] {
  return (states.some(isOnlyCounted) ? states.filter((state) => !isOnlyCounted(state)) : states).map(
    ({ limit, window, settled, reserved }) => `${fixedText(limit)} ${window.id} ${settled} ${reserved}`,
  );
}

/** No limit of this call: it was not looked at. */
function isOnlyCounted({ limit }: CounterState): boolean {
  return limit.perCall === "counted";
}

function fixedText(limit: Limit): string {
  const known = fixed.get(limit);
  if (known !== undefined) return known;
  const colon = limit.scope.indexOf(":");
  const kind = colon === -1 ? limit.scope : limit.scope.slice(0, colon);
  const rules = `${limit.measure} ${limit.window} ${limit.mode} ${limit.version} ${limit.amount} ${limit.timeZone}`;
  const text = `${limit.id} ${kind} ${rules}`;
  fixed.set(limit, text);
  return text;
}

/** The limit of a text, as it was then; of its scope the kind alone. For a reservation that outlives its process. */
export function limitOfSeenText(text: LimitSeenRecord): Limit {
  const [id = "", scope = "", measure, window, mode, version, amount = "", timeZone = ""] = text.split(" ");
  return {
    id,
    scope,
    measure: measure as Measure,
    amount: BigInt(amount),
    window: window as WindowKind,
    timeZone,
    mode: mode as LimitMode,
    version: Number(version),
    derived: false,
  };
}

export function limitSeenOf(text: LimitSeenRecord): LimitSeen {
  const [id = "", scope, measure, window, mode, version, amount = "", zone = "", windowId = "", settled, reserved] =
    text.split(" ");
  const endMs = windowOfId(window as WindowKind, zone, windowId)?.endMs ?? Infinity;
  return {
    limitId: id,
    scope: scope as ScopeKind,
    measure: measure as Measure,
    window: window as WindowKind,
    mode: mode as LimitMode,
    version: Number(version),
    endsUs: endMs === Infinity ? null : BigInt(endMs) * 1000n,
    amount: BigInt(amount),
    settled: BigInt(settled ?? ""),
    reserved: BigInt(reserved ?? ""),
  };
}
