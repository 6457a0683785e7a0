import type { Dialect, Endpoint } from "@tollhouse/contract";
import { boundAmounts, isHardBudget, sliceAmounts, type Amounts, type Estimate } from "@tollhouse/engine";
import type { UpstreamEdit } from "@tollhouse/providers";
import type { Refused, Reserved, Room } from "@tollhouse/store";
import type { Call } from "./call.ts";
import type { ConsideredCall } from "./considered-call.ts";
import { estimateCall, estimateUnpriced } from "./estimate-call.ts";
import type { Gateway } from "./gateway.ts";
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

/**
 * Tokens counted with o200k_base, against what each family may count for the same text: other vocabularies, framing and tool
 * prompts. Never below a token per four bytes. The plain byte bound stands wherever it is lower.
 */
const COUNT_MARGIN: { readonly [D in Dialect]: number } = { openai: 1.05, anthropic: 1.5, gemini: 1.25 };
const FRAMING_TOKENS = 64;
const FRAMING_TOKENS_PER_TEXT = 8;
/** Separators, three a message as OpenAI publishes them for its chat models. A message is two texts: its role is one. */
const FRAMING_TOKENS_LIKELY = 2;

/** Reserves what the call needs over all its limits, or says which limit refused. */
export async function reserveCall(gateway: Gateway, call: Call, body: unknown): Promise<Reservation | Blocked> {
  const unbounded = refuseUnbounded(call);
  if (unbounded !== null) return unbounded;
  const room = gateway.counters.room(call.limits, call.startedMs);
  const mode = modeOf(call, room);
  let outputTokens = firstOutput(gateway, call, mode);
  let want = amountsOf(call.estimate, mode, outputTokens);
  let result = gateway.counters.reserve(call.decision, call.limits, want, call.startedMs);
  if (result.outcome === "refused" && result.by.limit.measure !== "requests") {
    // The decision depends on it, so now the input is counted exactly, away from the event loop.
    if (await countInput(gateway, call, body, room)) {
      outputTokens = Math.min(outputTokens, call.estimate.outputTokensMax);
      want = amountsOf(call.estimate, mode, outputTokens);
      result = gateway.counters.reserve(call.decision, call.limits, want, call.startedMs);
    }
    if (result.outcome === "refused" && canCap(call)) return reserveCapped(gateway, call, result);
  }
  if (result.outcome === "refused") return blockedBy(result);
  return reservation(call, mode, outputTokens, want, result, null);
}

/** Not everything that may be asked for fits: pay for what does, and have the provider stop there. */
async function reserveCapped(gateway: Gateway, call: Call, first: Refused): Promise<Reservation | Blocked> {
  const { facts } = call;
  const mode = modeOf(call, null);
  const smallest = Math.min(OUTPUT_TOKENS_MIN * facts.choices, call.estimate.outputTokensMax);
  let refused = first;
  // Others reserve meanwhile: the room is advice, the reservation decides. Three tries, then the limit is as good as reached.
  for (let attempt = 0; attempt < 3; attempt++) {
    const room = gateway.counters.room(call.limits, call.startedMs);
    const affordable = affordableOutput(call.estimate, room);
    const outputLimit = Math.floor(Math.min(affordable, call.estimate.outputTokensMax) / facts.choices);
    const outputTokens = outputLimit * facts.choices;
    const need = outputTokens >= smallest ? outputTokens : smallest;
    const want = sliceAmounts(call.estimate, need);
    const result = gateway.counters.reserve(call.decision, call.limits, want, call.startedMs);
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

function modeOf(call: Call, room: Room | null): Reservation["mode"] {
  const { facts, target, route } = call;
  if (facts.stream) return "sliced";
  if (!facts.streamable || target.upstream.adapter.assembler(route, facts) === null) return "bound";
  if (room === null) return "assembled";
  return isSmall(boundAmounts(call.estimate), room) ? "bound" : "assembled";
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
