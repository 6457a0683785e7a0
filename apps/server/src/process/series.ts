/**
 * Sums by label values, cheap to add to on the call path: one look-up of a joined key. prom-client hashes its labels anew
 * for every observation (about 1 µs each, and a call has a dozen); it reads these at scrape time instead.
 */
export interface Series<T extends number | bigint> {
  add(labels: readonly string[], amount: T): void;
  /** Adds to a sum whose labels were looked up before: for those added to on every call. */
  entry(labels: readonly string[]): SeriesEntry<T>;
  entries(): Iterable<SeriesEntry<T>>;
}

export interface SeriesEntry<T extends number | bigint> {
  readonly labels: readonly string[];
  total: T;
}

/** Cannot stand in a label value: dimension values and model names with control characters are refused at the door. */
const SEPARATOR = "\u0000";

/** Past `entriesMax` different label values everything new is added to one entry whose labels are all `other`. */
export function createSeries<T extends number | bigint>(zero: T, entriesMax: number): Series<T> {
  const entries = new Map<string, SeriesEntry<T>>();

  function entry(labels: readonly string[]): SeriesEntry<T> {
    const key = labels.length === 1 ? (labels[0] ?? "") : labels.join(SEPARATOR);
    const found = entries.get(key);
    if (found !== undefined) return found;
    const others = labels.map(() => "other");
    const full = entries.size >= entriesMax && labels.some((label) => label !== "other");
    if (full) return entry(others);
    const made = { labels: [...labels], total: zero };
    entries.set(key, made);
    return made;
  }

  return {
    add(labels, amount) {
      const sum = entry(labels);
      // Both are of one type T, which the operator's own typing cannot say.
      sum.total = ((sum.total as number) + (amount as number)) as T;
    },
    entry,
    entries: () => entries.values(),
  };
}
