import { parseArgs } from "node:util";
import { NO_BUG, PLANTED_BUGS } from "./planted-bugs.ts";
import { CLUSTER_BUGS, NO_CLUSTER_BUG } from "./cluster/cluster-bugs.ts";
import { runClusterSeed } from "./cluster/run-cluster-seed.ts";
import { runSeed } from "./run-seed.ts";

// One seed with its trace, or many in a row: node --conditions=@tollhouse/source tests/simulation/simulate.ts --seed 7
// `--nodes`: several of them, with shared counters.
const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "1" },
    bug: { type: "string" },
    nodes: { type: "boolean", default: false },
  },
});
const run = values.nodes
  ? planted(CLUSTER_BUGS, NO_CLUSTER_BUG, runClusterSeed)
  : planted(PLANTED_BUGS, NO_BUG, runSeed);
const first = Number(values.seed);
const count = Number(values.count);
let failed = 0;
const seen = new Map<string, number>();
for (let seed = first; seed < first + count; seed++) {
  const result = await run(seed);
  for (const what of result.seen) seen.set(what, (seen.get(what) ?? 0) + 1);
  if (count === 1) console.log(result.trace.join("\n"));
  if (result.breaks.length === 0) continue;
  failed++;
  console.log(`seed ${seed} breaks ${result.breaks.length} rules:\n  ${result.breaks.slice(0, 5).join("\n  ")}`);
}
const reached = [...seen].filter(([what]) => !/\d/.test(what)).sort(([a], [b]) => (a < b ? -1 : 1));
console.log(reached.map(([what, seeds]) => `${String(seeds).padStart(6)} ${what}`).join("\n"));
console.log(`${count} seeds, ${failed} of them break a rule`);
process.exitCode = failed === 0 ? 0 : 1;

function planted<Bug, Result>(
  bugs: Readonly<Record<string, Bug>>,
  none: Bug,
  runOne: (seed: number, bug: Bug) => Promise<Result>,
): (seed: number) => Promise<Result> {
  const bug = values.bug === undefined ? none : bugs[values.bug];
  if (bug === undefined) throw new Error(`--bug: expected one of ${Object.keys(bugs).join("; ")}`);
  return (seed) => runOne(seed, bug);
}
