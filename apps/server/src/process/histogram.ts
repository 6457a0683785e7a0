import type { Metric, Registry } from "prom-client";

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export interface HistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds, inclusive, ascending. */
  readonly buckets: readonly number[];
}

/**
 * A histogram without labels, in prom-client's format. prom-client's own hashes labels that are not there and makes three
 * objects for each observation (measured: 0.20 µs against 0.04). Returns what observes a value.
 */
export function createHistogram(registry: Registry, options: HistogramOptions): (value: number) => void {
  const { name, help, buckets } = options;
  /** One more than bounds: what is above them all. */
  const counts = Array.from({ length: buckets.length + 1 }, () => 0);
  let sum = 0;

  function samples(): Sample[] {
    let count = 0;
    const made = counts.map((own, at): Sample => {
      count += own;
      return { metricName: `${name}_bucket`, labels: { le: buckets[at] ?? "+Inf" }, value: count };
    });
    made.push({ metricName: `${name}_sum`, labels: {}, value: sum });
    made.push({ metricName: `${name}_count`, labels: {}, value: count });
    return made;
  }

  const metric = {
    name,
    help,
    type: "histogram",
    aggregator: "sum",
    get: () => Promise.resolve({ name, help, type: "histogram", aggregator: "sum", values: samples() }),
  };
  // Of a metric the registry uses its name and `get`, where there is no faster form; its type names classes only.
  registry.registerMetric(metric as unknown as Metric<string>);

  return (value) => {
    let at = 0;
    while (at < buckets.length && value > (buckets[at] as number)) at++;
    counts[at] = (counts[at] as number) + 1;
    sum += value;
  };
}
