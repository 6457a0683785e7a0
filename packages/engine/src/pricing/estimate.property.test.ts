import { describe, expect, test } from "vitest";
import {
  inputTokensOf,
  outputTokensOf,
  type CallFacts,
  type Endpoint,
  type Usage,
  type UsageClass,
} from "@tollhouse/contract";
import { boundAmounts, estimate, outputAmounts, sliceAmounts, type Estimate } from "./estimate.ts";
import { estimateDearest } from "./estimate-dearest.ts";
import { rate, rateReport, usageAmounts } from "./rate.ts";
import { seededPriceBook } from "./seeded-price-book.ts";
import { createPriceRow, UNIT_CLASSES, type PriceRow, type Prices } from "./price-row.ts";
import type { Served } from "./served.ts";

const COUNT = Number(process.env["TOLLHOUSE_RANDOM_COUNT"] ?? 20_000);
const SEED = Number(process.env["TOLLHOUSE_SEED"] ?? 1);

/**
 * Random calls for the property tests of this folder, and any usage a provider could report for them. Written from the
 * providers' rules (reference: contract/facts.ts), not from estimate.ts: the two must be able to disagree.
 */
interface Random {
  /** Whole number in `[min, max]`. */
  whole(min: number, max: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
}

/** Small, fast, seeded (mulberry32): a failing case is found again by its seed. */
function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    whole: (min, max) => min + Math.floor(next() * (max - min + 1)),
    chance: (probability) => next() < probability,
    pick: (from) => from[Math.floor(next() * from.length)]!,
  };
}

const ENDPOINTS_WITH_OUTPUT: readonly Endpoint[] = ["chat_completions", "responses", "messages", "generate_content"];
const TIERS = [null, null, null, "auto", "default", "flex", "priority", "fast", "batch", "scale", "standard_only"];
const TOOLS: readonly UsageClass[] = UNIT_CLASSES.slice(0, 5);

/** Small, ordinary, at the edges of the row's bands, or enormous. */
function tokens(random: Random, row: PriceRow): number {
  const edge = row.bands.length === 0 ? 200_000 : random.pick(row.bands).aboveInputTokens;
  return random.pick([
    0,
    1,
    random.whole(0, 300),
    random.whole(0, 20_000),
    edge - 1,
    edge,
    edge + 1,
    edge + 2,
    3_000_000,
  ]);
}

function randomFacts(random: Random, row: PriceRow): CallFacts {
  const outputImage = row.pico.output_image !== undefined && random.chance(0.5);
  const unitsMax: { [K in UsageClass]?: number } = {};
  for (const name of TOOLS)
    if (row.pico[name] !== undefined && random.chance(0.15)) unitsMax[name] = random.whole(0, 20);
  for (const name of UNIT_CLASSES.slice(5)) if (random.chance(0.1)) unitsMax[name] = random.whole(0, 5_000);
  return {
    endpoint: row.pico.output === undefined ? "embeddings" : random.pick(ENDPOINTS_WITH_OUTPUT),
    model: row.model,
    stream: random.chance(0.5),
    usageAsked: random.chance(0.5),
    inputTokensMax: tokens(random, row),
    inputImageTokensMax: random.chance(0.2) ? tokens(random, row) : 0,
    inputAudioTokensMax: row.pico.input_audio !== undefined && random.chance(0.2) ? tokens(random, row) : 0,
    inputHidden: random.chance(0.1),
    outputTokensMax: random.chance(0.2) ? null : random.whole(0, 200_000),
    choices: random.pick([1, 1, 1, 2, 8, 128]),
    outputHidden: random.chance(0.3),
    outputHiddenMax: random.chance(0.5) ? null : random.whole(0, 64_000),
    outputAudio: row.pico.output_audio !== undefined && random.chance(0.3),
    outputImage,
    tier: random.pick([...TIERS, ...Object.keys(row.tiers)]),
    geo: random.chance(0.7) ? null : random.pick(["global", ...Object.keys(row.geo)]),
    cacheWrite: random.pick([null, null, "5m", "1h"] as const),
    unitsMax,
    streamable: random.chance(0.8),
    free: false,
  };
}

/** Splits `total` over the classes, adding to what is there. */
function split(
  random: Random,
  usage: { [K in UsageClass]?: number },
  classes: readonly UsageClass[],
  total: number,
): void {
  let left = total;
  while (left > 0 && classes.length > 0) {
    const part = random.chance(0.5) ? left : random.whole(1, left);
    const name = random.pick(classes);
    usage[name] = (usage[name] ?? 0) + part;
    left -= part;
  }
}

/** At most `max`, often exactly it. */
function upTo(random: Random, max: number): number {
  return random.chance(0.6) ? max : random.whole(0, max);
}

function textClasses(facts: CallFacts, row: PriceRow): UsageClass[] {
  const classes: UsageClass[] = ["input", "input_cache_read"];
  const tools = TOOLS.some((name) => (facts.unitsMax[name] ?? 0) > 0);
  if (facts.cacheWrite !== null || row.cacheWriteUnasked || tools) classes.push("input_cache_write_5m");
  if (facts.cacheWrite === "1h") classes.push("input_cache_write_1h");
  return classes;
}

const ALL_INPUT: readonly UsageClass[] = [
  "input",
  "input_cache_read",
  "input_cache_write_5m",
  "input_cache_write_1h",
  "input_image",
  "input_audio",
  "input_audio_cached",
];

/** Anything the provider may report for the call, in classes that this model has at all. */
function randomUsage(random: Random, facts: CallFacts, row: PriceRow, exactInputTokens: number | null): Usage {
  const usage: { [K in UsageClass]?: number } = {};
  for (const name of UNIT_CLASSES)
    if (row.pico[name] !== undefined) split(random, usage, [name], upTo(random, facts.unitsMax[name] ?? 0));
  if (row.pico.input === undefined) return usage;
  const text = textClasses(facts, row);
  const seen = upTo(random, exactInputTokens ?? facts.inputTokensMax);
  if (facts.inputHidden) {
    const window = Math.max(
      row.contextWindow ?? 2_000_000,
      seen + facts.inputImageTokensMax + facts.inputAudioTokensMax,
    );
    const has = ALL_INPUT.filter((name) => row.pico[name] !== undefined);
    split(random, usage, has, upTo(random, window));
  } else {
    split(random, usage, text, seen);
    split(random, usage, [...text, "input_image"], upTo(random, facts.inputImageTokensMax));
    split(random, usage, [...text, "input_audio", "input_audio_cached"], upTo(random, facts.inputAudioTokensMax));
  }
  if (facts.endpoint === "embeddings") return usage;
  const output: UsageClass[] = ["output", "output_reasoning"];
  if (facts.outputAudio) output.push("output_audio");
  if (facts.outputImage) output.push("output_image");
  const cap = facts.outputTokensMax ?? row.outputMax ?? row.contextWindow ?? 1_000_000;
  for (let choice = 0; choice < facts.choices; choice++) split(random, usage, output, upTo(random, cap));
  return usage;
}

/** How the provider may have served it: as asked, or downgraded; unnamed calls as the project is set. */
function randomServed(random: Random, facts: CallFacts, unnamed: Served): Served {
  const tier = facts.tier === null || facts.tier === "auto" ? unnamed.tier : facts.tier;
  return {
    tier: random.pick([tier, tier, null, "default"]),
    geo: random.pick([facts.geo ?? unnamed.geo, "global", null]),
  };
}

/** A row no provider has: prices of any size, bands that fall as well as rise, odd ratios. */
function randomRow(random: Random): PriceRow {
  const price = () => BigInt(random.pick([0, 1, 7, 999, 12_500, random.whole(0, 1_000_000), 600_000_000]));
  const prices = (): Prices => ({
    input: price(),
    output: price(),
    ...(random.chance(0.5) ? { input_cache_read: price(), input_cache_write_5m: price() } : {}),
    ...(random.chance(0.3) ? { input_cache_write_1h: price() } : {}),
    ...(random.chance(0.3) ? { output_reasoning: price() } : {}),
  });
  const modal: Prices = random.chance(0.3)
    ? { input_audio: price(), output_audio: price(), output_image: price() }
    : {};
  const ratio = () => ({ numerator: BigInt(random.whole(0, 30)), denominator: BigInt(random.whole(1, 11)) });
  return createPriceRow({
    id: "random/model@start",
    provider: random.pick(["random", "anthropic"]),
    model: "model",
    pico: { ...prices(), ...modal, web_search_call: price() * 1000n, audio_second: price() },
    bands: [100, 50_000].flatMap((aboveInputTokens) =>
      random.chance(0.4) ? [{ aboveInputTokens, pico: { ...prices(), ...modal } }] : [],
    ),
    callPico: random.chance(0.3) ? price() : 0n,
    tiers: { flex: ratio(), priority: ratio(), batch: ratio() },
    geo: { us: ratio() },
    cacheWriteUnasked: random.chance(0.3),
    contextWindow: random.chance(0.5) ? null : random.whole(1, 400_000),
    outputMax: random.chance(0.5) ? null : random.whole(1, 100_000),
  });
}

/** One call: returns false where nothing bounds it (such a call is refused before it is made). */
function holds(random: Random, row: PriceRow): boolean {
  const facts = randomFacts(random, row);
  const exact = random.chance(0.5) ? null : random.whole(0, facts.inputTokensMax);
  const unnamed: Served = {
    tier: random.chance(0.8) ? null : random.pick([null, ...Object.keys(row.tiers)]),
    geo: random.chance(0.8) ? null : random.pick([null, ...Object.keys(row.geo)]),
  };
  const e = estimate(facts, row, exact, unnamed);
  if (e === null) return false;
  for (let report = 0; report < 3; report++) {
    const usage = randomUsage(random, facts, row, exact);
    const served = randomServed(random, facts, unnamed);
    const cost = rate(usage, row, served);
    const shown = () =>
      JSON.stringify({ row: row.id, facts, exact, unnamed, usage, served, cost, e }, (_key, value: unknown) =>
        typeof value === "bigint" ? value.toString() : value,
      );
    if (cost === null) throw new Error(`admitted, and then without a price: ${shown()}`);
    const bound = boundAmounts(e);
    if (!e.bounded) throw new Error(`no bound although each unit has one: ${shown()}`);
    if (cost > bound.usd) throw new Error(`overrun in dollars: ${shown()}`);
    if (usageAmounts(usage, cost).tokens > bound.tokens) throw new Error(`overrun in tokens: ${shown()}`);
    const output = outputTokensOf(usage);
    if (cost > sliceAmounts(e, output).usd) throw new Error(`a slice does not pay for its own tokens: ${shown()}`);
    const reported = { usage, model: null, tier: null, geo: null, providerId: null, costNano: null, doubt: null };
    const silent = rateReport(reported, facts, row, unnamed);
    if (silent === null || silent > bound.usd) throw new Error(`overrun of a silent answer: ${shown()}`);
    if (inputTokensOf(usage) > e.inputTokens) throw new Error(`overrun in input tokens: ${shown()}`);
    extended(e, output);
  }
  return true;
}

/** Whichever of several models serves, what was held for the dearest pays for it. */
function holdsForAny(random: Random, rows: readonly PriceRow[]): boolean {
  const facts = randomFacts(random, rows[0]!);
  const e = estimateDearest(facts, rows, null);
  if (e === null) return false;
  for (const row of rows) {
    const usage = randomUsage(random, facts, row, null);
    const cost = rate(usage, row, randomServed(random, facts, { tier: null, geo: null }));
    const bound = boundAmounts(e);
    if (cost === null || cost > bound.usd || usageAmounts(usage, cost).tokens > bound.tokens)
      throw new Error(`overrun of ${row.id}: ${cost} of ${bound.usd}: ${JSON.stringify({ facts, usage })}`);
  }
  return true;
}

/** However the output is sliced, the slices together pay for it. */
function extended(e: Estimate, output: number): void {
  const first = Math.floor(output / 3);
  const together = sliceAmounts(e, first).usd + outputAmounts(e, output - first).usd;
  if (together < sliceAmounts(e, output).usd) throw new Error(`slices of ${output} lose money`);
}

describe("no usage within the facts of a call costs more than its estimate", () => {
  test(`${COUNT} random calls over every row of the price book`, { timeout: 3_600_000 }, () => {
    const random = createRandom(SEED);
    const rows = seededPriceBook().rows();
    let admitted = 0;
    for (let run = 0; run < COUNT; run++) if (holds(random, rows[run % rows.length]!)) admitted++;
    // Tiers that a row does not know are refused; most calls must not be, or the property would hold for nothing.
    expect(admitted / COUNT).toBeGreaterThan(0.5);
  });

  test(`${COUNT} random calls over rows no provider has`, { timeout: 3_600_000 }, () => {
    const random = createRandom(SEED + 1);
    let admitted = 0;
    for (let run = 0; run < COUNT; run++) if (holds(random, randomRow(random))) admitted++;
    expect(admitted / COUNT).toBeGreaterThan(0.5);
  });

  test(`${Math.ceil(COUNT / 10)} random calls that any of three models may serve`, { timeout: 3_600_000 }, () => {
    const random = createRandom(SEED + 2);
    let admitted = 0;
    const count = Math.ceil(COUNT / 10);
    for (let run = 0; run < count; run++)
      if (holdsForAny(random, [randomRow(random), randomRow(random), randomRow(random)])) admitted++;
    expect(admitted / count).toBeGreaterThan(0.2);
  });
});
