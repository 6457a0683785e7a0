import { expect, test } from "vitest";
import { CLUSTER_BUGS, SHOWN_BY } from "./cluster-bugs.ts";
import { CLUSTER_RARE_PATHS } from "./cluster-rare-paths.ts";
import { runClusterSeed } from "./run-cluster-seed.ts";

const LONG = process.env["TOLLHOUSE_LONG"] === "1";
const SEEDS = LONG ? 5_000 : 60;
const FIRST = Number(process.env["TOLLHOUSE_SEED"] ?? 1);
const SEEDS_FOR_A_BUG = 500;
const MS_MAX = LONG ? 3_600_000 : 300_000;

test(
  `E1: several nodes: no seed of ${SEEDS} breaks a rule, and each rare path is reached`,
  { timeout: MS_MAX },
  async () => {
    const seen = new Set<string>();
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      const result = await runClusterSeed(seed);
      expect(result.breaks, `npm run simulate -- --nodes --seed ${seed}`).toEqual([]);
      for (const what of result.seen) seen.add(what);
    }
    expect(CLUSTER_RARE_PATHS.filter((what) => !seen.has(what))).toEqual([]);
  },
);

test("E1: several nodes: the same seed twice is the same run", async () => {
  for (const seed of [1, 2, 3]) {
    const [first, second] = [await runClusterSeed(seed), await runClusterSeed(seed)];
    expect(second.traceHash).toBe(first.traceHash);
    expect(first.trace.length).toBeGreaterThan(20);
  }
});

test.each(Object.keys(CLUSTER_BUGS))(
  "E2: several nodes: a planted bug is caught: %s",
  { timeout: MS_MAX },
  async (name) => {
    const bug = CLUSTER_BUGS[name];
    // The seed that showed it last goes first; in the long run, any has to.
    const known = LONG ? [] : [SHOWN_BY[name] ?? 1];
    let caught = 0;
    for (const seed of [...known, ...Array.from({ length: SEEDS_FOR_A_BUG }, (_, i) => i + 1)]) {
      if ((await runClusterSeed(seed, bug)).breaks.length > 0) caught = seed;
      if (caught > 0) break;
    }
    expect(caught, `within ${SEEDS_FOR_A_BUG} seeds`).toBeGreaterThan(0);
  },
);
