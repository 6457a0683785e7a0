import type { Dialect, Endpoint } from "@tollhouse/contract";
import { boundAmounts, isHardBudget, sliceAmounts, type Amounts, type Estimate } from "@tollhouse/engine";
import type { UpstreamEdit } from "@tollhouse/providers";
import { CountersUnavailable, type Refused, type Reserved, type Room } from "@tollhouse/store";
import type { Call } from "./call.ts";
import type { ConsideredCall } from "./considered-call.ts";
import { estimateCall, estimateUnpriced } from "./estimate-call.ts";
import type { Gateway } from "./gateway.ts";
import { admitUnread } from "./limits-unavailable.ts";
import { exceededCode, exceededMessage, type RefusalInput } from "./refusal.ts";

/** How a call is held and forwarded (accounting.md §3). */
export interface Reservation {
  /**
   * bound: everything it can cost is reserved. sliced: the client's stream, reserved slice by slice. assembled: the client wants
   * one answer, the provider is asked for a stream, reserved by slices.
   */
  readonly mode: "bound" | "sliced" | "assembled";
  /** Output tokens reserved so far, hidden ones included; grows by `extend`. */
  outputTokens: number;
  /** Total reserved so far. */
  usd: bigint;
  tokens: bigint;
  readonly edit: UpstreamEdit;
  /** Output cap that Tollhouse set at the provider, per choice, because more could not be paid or a policy says so; null = none. */
  readonly outputLimit: number | null;
}

type Blocked = Omit<RefusalInput, "decision">;

/** An answer cut shorter than this helps nobody (and OpenAI's Responses refuses a lower cap). */
const OUTPUT_TOKENS_MIN = 16;
/** Only a call that would be refused otherwise waits for it. */
const COUNT_DEADLINE_MS = 5_000;
/** Of the output that seems affordable. */
const SHARES_TRIED = [1, 1, 0.5, 0] as const;

/**
 * Tokens counted with o200k_base, against what each family may count for the same text: other vocabularies, framing and tool
 * prompts. Never below a token per four bytes. The plain byte bound stands wherever it is lower.
 */
const COUNT_MARGIN: { readonly [D in Dialect]: number } = { openai: 1.05, anthropic: 1.5, gemini: 1.25 };
const FRAMING_TOKENS = 64;
const FRAMING_TOKENS_PER_TEXT = 8;
/** Separators, three a message as OpenAI publishes them for its chat models. A message is two texts: its role is one. */
const FRAMING_TOKENS_LIKELY = 2;

/**
 * Reserves what the call needs over all its limits, or says which limit refused. Counters in memory answer at once; only the answer of
 * shared ones is waited for.
 */
export async function reserveCall(gateway: Gateway, call: Call, body: unknown): Promise<Reservation | Blocked> {
  const unbounded = refuseUnbounded(call);
  if (unbounded !== null) return unbounded;
  const counters = gateway.countersOf(call.identity.tenant);
  try {
    let mode = modeOf(call);
    if (mode === "assembled") {
      const seen = counters.room(call.limits, call.startedMs);
      if (isSmall(boundAmounts(call.estimate), seen instanceof Promise ? await seen : seen)) mode = "bound";
    }
    const outputTokens = firstOutput(gateway, call, mode);
    const want = amountsOf(call.estimate, mode, outputTokens);
    const asked = counters.reserve(call.decision, call.limits, want, call.startedMs);
    const result = asked instanceof Promise ? await asked : asked;
    if (result.outcome === "reserved") return reservation(call, mode, outputTokens, want, result, null);
    return await reserveLess(gateway, call, body, result, mode, outputTokens);
  } catch (error) {
    if (!(error instanceof CountersUnavailable)) throw error;
    return reserveUncounted(gateway, call);
  }
}

/** What was asked for does not fit: less is, where the call needs less, or can be made to. */
async function reserveLess(
  gateway: Gateway,
  call: Call,
  body: unknown,
  first: Refused,
  mode: Reservation["mode"],
  outputTokens: number,
): Promise<Reservation | Blocked> {
  if (first.by.limit.measure === "requests") return blockedBy(first);
  const counters = gateway.countersOf(call.identity.tenant);
  let refused = first;
  // The decision depends on it, so now the input is counted exactly, away from the event loop.
  if (await countInput(gateway, call, body, await counters.room(call.limits, call.startedMs))) {
    const output = Math.min(outputTokens, call.estimate.outputTokensMax);
    const want = amountsOf(call.estimate, mode, output);
    const result = await counters.reserve(call.decision, call.limits, want, call.startedMs);
    if (result.outcome === "reserved") return reservation(call, mode, output, want, result, null);
    refused = result;
  }
  return canCap(call) ? reserveCapped(gateway, call, refused) : blockedBy(refused);
}

/** Its limits cannot be read: it goes within what this node may spend meanwhile, or not at all. */
function reserveUncounted(gateway: Gateway, call: Call): Reservation | Blocked {
  const mode = modeOf(call);
  const outputTokens = firstOutput(gateway, call, mode);
  const want = amountsOf(call.estimate, mode, outputTokens);
  const admitted = admitUnread(gateway, call, want);
  if ("code" in admitted) return admitted;
  call.uncounted = admitted;
  return reservation(call, mode, outputTokens, want, admitted, null);
}

/** Not everything that may be asked for fits: pay for what does, and have the provider stop there. */
async function reserveCapped(gateway: Gateway, call: Call, first: Refused): Promise<Reservation | Blocked> {
  const { facts } = call;
  const counters = gateway.countersOf(call.identity.tenant);
  const mode = modeOf(call);
  const smallest = Math.min(OUTPUT_TOKENS_MIN * facts.choices, call.estimate.outputTokensMax);
  let refused = first;
  // The room of counters in memory is as it is. Of shared ones it is advice, for others reserve meanwhile: less is asked for each time,
  // and in the end the smallest answer there is, so that nothing that fits is refused.
  for (const share of SHARES_TRIED) {
    const seen = counters.room(call.limits, call.startedMs);
    const affordable = affordableOutput(call.estimate, seen instanceof Promise ? await seen : seen) * share;
    const outputLimit = Math.floor(Math.min(affordable, call.estimate.outputTokensMax) / facts.choices);
    const outputTokens = outputLimit * facts.choices;
    const need = outputTokens >= smallest ? outputTokens : smallest;
    const want = sliceAmounts(call.estimate, need);
    const asked = counters.reserve(call.decision, call.limits, want, call.startedMs);
    const result = asked instanceof Promise ? await asked : asked;
    if (result.outcome === "reserved")
      return reservation(call, mode, need, want, result, Math.floor(need / facts.choices));
    refused = result;
    if (outputTokens < smallest) break;
  }
  return blockedBy(refused);
}

function reservation(
  call: Call,
  mode: Reservation["mode"],
  outputTokens: number,
  want: Amounts,
  result: Reserved,
  outputLimit: number | null,
): Reservation {
  call.states = result.states;
  const { facts } = call;
  const capped = outputLimit !== null && (facts.outputTokensMax === null || outputLimit < facts.outputTokensMax);
  const cap = capped ? outputLimit : (call.policy?.outputLimit ?? null);
  return {
    mode,
    outputTokens,
    usd: want.usd,
    tokens: want.tokens,
    outputLimit: cap,
    edit: {
      ...(mode === "assembled" && { forceStream: true }),
      ...(mode !== "bound" && { includeUsage: !call.target.upstream.refusesStreamOptions }),
      ...(cap !== null && { outputTokensMax: cap }),
      ...((call.askedModel ?? null) !== null && { model: facts.model }),
    },
  };
}

/** `assembled` where it can be: a small bound is not worth it. */
function modeOf(call: Call): Reservation["mode"] {
  const { facts, target, route } = call;
  if (facts.stream) return "sliced";
  return facts.streamable && target.upstream.adapter.assembler(route, facts) !== null ? "assembled" : "bound";
}

/** Below a tenth of what is left of every hard limit, a bound blocks nobody and is the cheapest way to be safe. */
function isSmall(bound: Amounts, room: Room): boolean {
  return (
    (room.usd === null || bound.usd * 10n <= room.usd) && (room.tokens === null || bound.tokens * 10n <= room.tokens)
  );
}

function firstOutput(gateway: Gateway, call: Call, mode: Reservation["mode"]): number {
  const { outputTokensMax, hiddenTokensMax } = call.estimate;
  if (mode === "bound") return outputTokensMax;
  // Tokens that do not stream are reserved up front at their own ceiling; those that do, a slice at a time.
  const slice = gateway.profile.slice(profileKey(call)) * call.facts.choices;
  return Math.min(outputTokensMax, hiddenTokensMax + slice);
}

/** With the tenant: how large a first slice is must tell nobody what others' answers are like. */
export function profileKey({ identity, facts }: Pick<ConsideredCall, "identity" | "facts">): string {
  return `${identity.tenant} ${facts.model} ${identity.dimensions.feature ?? ""}`;
}

function amountsOf(estimated: Estimate, mode: Reservation["mode"], outputTokens: number): Amounts {
  return mode === "bound" ? boundAmounts(estimated) : sliceAmounts(estimated, outputTokens);
}

/** Output tokens that fit into the room beside the input. May be negative. */
function affordableOutput(estimated: Estimate, room: Room): number {
  const input = sliceAmounts(estimated, 0);
  let affordable = Number.MAX_SAFE_INTEGER;
  if (room.usd !== null && estimated.outputPico > 0n)
    affordable = Math.min(affordable, clampInt(((room.usd - input.usd) * 1_000n) / estimated.outputPico));
  if (room.tokens !== null) affordable = Math.min(affordable, clampInt(room.tokens - input.tokens));
  return affordable;
}

function clampInt(value: bigint): number {
  return value > 1_000_000_000n ? 1_000_000_000 : Number(value);
}

/** Replaces the byte bound of the input by an exact count, where that is lower. False: nothing changed. */
export async function countInput(gateway: Gateway, call: Call, body: unknown, room: Room): Promise<boolean> {
  const { facts, target, route } = call;
  const { adapter } = target.upstream;
  if (facts.inputHidden) return false;
  const texts = adapter.inputTexts(route, body);
  // What no count could go below. If even that does not fit, the budget is spent, and counting would only cost time.
  const least = inputBound(0, texts, adapter.dialect);
  if (least >= facts.inputTokensMax || affordableOutput(estimateWith(gateway, call, least), room) < 0) return false;
  const counted = await gateway.tokens.count(texts, COUNT_DEADLINE_MS);
  if (counted === null) return false;
  const bound = inputBound(counted, texts, adapter.dialect);
  if (bound >= facts.inputTokensMax) return false;
  call.estimate = estimateWith(gateway, call, bound);
  return true;
}

function estimateWith(gateway: Gateway, call: Call, inputTokens: number): Estimate {
  if (!call.priced) return estimateUnpriced(call, inputTokens);
  return estimateCall(gateway, call, inputTokens) ?? call.estimate;
}

export function inputBound(counted: number, texts: readonly string[], dialect: Dialect): number {
  return textTokens(counted, texts, dialect) + FRAMING_TOKENS + FRAMING_TOKENS_PER_TEXT * texts.length;
}

/** What the input probably was, to settle by where nobody says: the bound's own framing would make a short call cost twice as much. */
export function inputLikely(counted: number, texts: readonly string[], dialect: Dialect): number {
  return textTokens(counted, texts, dialect) + FRAMING_TOKENS_LIKELY * texts.length;
}

function textTokens(counted: number, texts: readonly string[], dialect: Dialect): number {
  let bytes = 0;
  for (const text of texts) bytes += Buffer.byteLength(text);
  return Math.max(Math.ceil(counted * COUNT_MARGIN[dialect]), Math.ceil(bytes / 4));
}

/** Endpoints whose provider can be told where to stop. */
const CAPPED: ReadonlySet<Endpoint> = new Set<Endpoint>([
  "chat_completions",
  "completions",
  "responses",
  "messages",
  "generate_content",
]);

export function isCappable(endpoint: Endpoint): boolean {
  return CAPPED.has(endpoint);
}

function canCap({ facts, policy }: Call): boolean {
  return isCappable(facts.endpoint) && policy?.clampForbidden !== true;
}

/** A tool that may be used without end cannot be reserved; under a hard budget that is refused rather than hoped for. */
function refuseUnbounded(call: Call): Blocked | null {
  if (call.estimate.bounded || !call.limits.some(isHardBudget)) return null;
  return {
    code: "REQUEST_COST_CAP",
    message:
      "The call's tools may be used without bound, and a hard budget applies: set max_tool_calls (OpenAI) or max_uses (Anthropic)",
    param: "tools",
  };
}

function blockedBy(refused: Refused): Blocked {
  return {
    code: exceededCode(refused.by.limit.measure),
    message: exceededMessage(refused.by, refused.required),
    by: refused,
  };
}
