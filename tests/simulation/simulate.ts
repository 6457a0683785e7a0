import { parseArgs } from "node:util";
import { NO_BUG, PLANTED_BUGS } from "./planted-bugs.ts";
import { runSeed } from "./run-seed.ts";

// One seed with its trace, or many in a row: node --conditions=@tollhouse/source tests/simulation/simulate.ts --seed 7
const { values } = parseArgs({
  options: { seed: { type: "string", default: "1" }, count: { type: "string", default: "1" }, bug: { type: "string" } },
});
const bug = values.bug === undefined ? NO_BUG : PLANTED_BUGS[values.bug];
if (bug === undefined) throw new Error(`--bug: expected one of ${Object.keys(PLANTED_BUGS).join("; ")}`);
const first = Number(values.seed);
const count = Number(values.count);
let failed = 0;
const seen = new Map<string, number>();
for (let seed = first; seed < first + count; seed++) {
  const result = await runSeed(seed, bug);
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
