import type { CallFacts, UsageReport } from "@tollhouse/contract";
import { FRAME_BYTES_MAX, type Route, type StreamMeter } from "../adapter.ts";
import { type SseFrame, SseReader } from "../sse.ts";
import { chunkTexts, eventTexts } from "./delta-text.ts";
import { arrayOf, isObject, type JsonObject, objectOf, textOf } from "./json-fields.ts";
import { bodyKind } from "./body-kind.ts";
import { withoutUsage } from "./hide-usage.ts";
import { readUsage, reportOf, type UsageReading } from "./usage.ts";

/** Characters kept for an exact count. */
const TEXT_LENGTH_MAX = 1 << 20;
/** Audio has at least 12 kbit/s and 20 tokens a second, so a token is 75 bytes or more: 100 characters of base64. */
const AUDIO_BASE64_PER_TOKEN = 100;

const NOTHING = Buffer.alloc(0);

/** Last events of the streams that have no `[DONE]`. */
const TERMINAL_EVENTS: ReadonlySet<string> = new Set([
  "response.completed",
  "response.incomplete",
  "response.failed",
  "response.cancelled",
  "transcript.text.done",
  "speech.audio.done",
]);

/**
 * See StreamMeter. Bytes go to the client in whole frames, also where nothing is hidden: a cut between two calls then never
 * leaves half a frame before our last one. A host that answers with one JSON body, or with raw audio, is passed through.
 */
export class OpenaiMeter implements StreamMeter {
  readonly #facts: CallFacts;
  readonly #headers: Readonly<Record<string, string | undefined>>;
  readonly #hideUsage: boolean;
  readonly #reader = new SseReader();
  #kind: "unknown" | "sse" | "json" | "other" = "unknown";
  #whole: Buffer[] = [];
  #wholeBytes = 0;
  /** What `push` hands on, made by the frames of one chunk. */
  #out: Buffer[] = [];
  #held = 0;
  #changed = false;

  #reading: UsageReading | null = null;
  /** Was some choice still open when that usage came? Then it is a count so far. */
  #readingEarly = false;
  #model: string | null = null;
  #tier: string | null = null;
  #id: string | null = null;
  #open = new Set<unknown>();
  #finished = 0;
  #flushed = false;
  #ended = false;
  #failed = false;
  #outputBytes = 0;
  #text = "";

  constructor(
    route: Route,
    facts: CallFacts,
    headers: Readonly<Record<string, string | undefined>>,
    hideUsage: boolean,
  ) {
    this.#facts = facts;
    this.#headers = headers;
    this.#hideUsage = hideUsage && (route.endpoint === "chat_completions" || route.endpoint === "completions");
  }

  push(chunk: Buffer): Buffer {
    if (this.#kind === "unknown") this.#kind = bodyKind(chunk);
    if (this.#kind === "json") this.#keep(chunk);
    if (this.#kind !== "sse") return chunk;
    const heldBefore = this.#held;
    this.#held += chunk.length;
    this.#reader.push(chunk, this.#onFrame);
    return heldBefore === 0 && this.#held === 0 && !this.#changed ? this.#handOn(chunk) : this.#handOn(null);
  }

  flush(): Buffer {
    this.#flushed = true;
    if (this.#kind === "json") this.#readWhole();
    if (this.#kind !== "sse") return NOTHING;
    this.#reader.flush(this.#onFrame);
    return this.#handOn(null);
  }

  get outputBytes(): number {
    return this.#outputBytes;
  }

  takeText(): string {
    const text = this.#text.slice(-TEXT_LENGTH_MAX);
    this.#text = "";
    return text;
  }

  report(): UsageReport | null {
    if (this.#reading === null) return null;
    const report = reportOf(this.#reading, {}, this.#headers);
    // A count so far of a stream that broke: true of then, and maybe not all.
    const early = this.#readingEarly && !this.ended ? "the last usage came before the stream broke off" : null;
    return {
      ...report,
      model: this.#model,
      tier: this.#tier,
      providerId: this.#id ?? report.providerId,
      doubt: report.doubt !== null && early !== null ? `${report.doubt}; ${early}` : (report.doubt ?? early),
    };
  }

  partial(): UsageReport | null {
    return null;
  }

  /** Hosts that close without `[DONE]` have ended well where every choice says why it finished. */
  get ended(): boolean {
    return this.#ended || (this.#flushed && this.#finished > 0 && this.#open.size === 0);
  }

  get failed(): boolean {
    return this.#failed;
  }

  #handOn(same: Buffer | null): Buffer {
    const out = this.#out;
    this.#out = [];
    this.#changed = false;
    if (same !== null) return same;
    return out.length === 0 ? NOTHING : out.length === 1 ? (out[0] ?? NOTHING) : Buffer.concat(out);
  }

  // One function for the life of the meter: a closure for each chunk would be garbage on the hot path.
  readonly #onFrame = (frame: SseFrame): void => {
    this.#held -= frame.raw.length;
    const visible = this.#read(frame);
    if (visible !== frame.raw) this.#changed = true;
    if (visible.length > 0) this.#out.push(visible);
  };

  /** Returns what the client may see of the frame. */
  #read(frame: SseFrame): Buffer {
    if (frame.unread) this.#reading = null;
    if (frame.data === "") return frame.raw;
    if (frame.data === "[DONE]") {
      this.#ended = true;
      return frame.raw;
    }
    const value = parsed(frame.data);
    if (value === null) return frame.raw;
    this.#readEvent(value, frame.event);
    return this.#hideUsage ? withoutUsage(frame, value) : frame.raw;
  }

  #readEvent(value: JsonObject, event: string | null): void {
    const type = value["type"];
    if (isError(value["error"]) || type === "error" || event === "error") this.#failed = true;
    if (type === "response.failed") this.#failed = true;
    if (typeof type === "string" && TERMINAL_EVENTS.has(type)) this.#ended = true;
    // The images of one call end one by one; the last one carries the usage of all.
    if (type === "image_generation.completed") this.#ended = true;
    chunkTexts(value, this.#takeText, this.#takeAudio);
    eventTexts(value, this.#takeText, this.#takeAudio);
    this.#readChoices(value);
    const response = value["response"];
    this.#readAnswer(isObject(response) ? response : value);
  }

  #readAnswer(answer: JsonObject): void {
    this.#model = textOf(answer["model"]) ?? this.#model;
    this.#tier = textOf(answer["service_tier"]) ?? this.#tier;
    this.#id = textOf(answer["id"]) ?? this.#id;
    // Only these can carry usage; a chunk's `data` list is no usage.
    if (!isObject(answer["usage"]) && !isObject(answer["x_groq"])) return;
    const reading = readUsage(this.#facts, answer);
    if (reading === null) return;
    this.#reading = reading;
    this.#readingEarly = this.#open.size > 0;
  }

  #readChoices(chunk: JsonObject): void {
    for (const entry of arrayOf(chunk["choices"])) {
      const choice = objectOf(entry);
      const index = choice["index"] ?? 0;
      if (textOf(choice["finish_reason"]) === null) {
        // Bounded: a host cannot answer with more choices than were asked for, a hostile one gets no more memory.
        if (this.#open.size < this.#facts.choices) this.#open.add(index);
      } else {
        this.#open.delete(index);
        this.#finished++;
      }
    }
  }

  readonly #takeText = (text: string): void => {
    this.#outputBytes += Buffer.byteLength(text);
    this.#text += text;
    if (this.#text.length > 2 * TEXT_LENGTH_MAX) this.#text = this.#text.slice(-TEXT_LENGTH_MAX);
  };

  readonly #takeAudio = (base64: string): void => {
    this.#outputBytes += Math.ceil(base64.length / AUDIO_BASE64_PER_TOKEN);
  };

  #keep(chunk: Buffer): void {
    this.#wholeBytes += chunk.length;
    if (this.#wholeBytes <= FRAME_BYTES_MAX) this.#whole.push(chunk);
    else this.#whole = [];
  }

  #readWhole(): void {
    const value = parsed(Buffer.concat(this.#whole).toString());
    this.#whole = [];
    if (value === null) return;
    if (isError(value["error"])) this.#failed = true;
    else this.#ended = true;
    this.#readAnswer(value);
    this.#readingEarly = false;
    for (const entry of arrayOf(value["choices"]))
      chunkTexts(
        { choices: [{ ...objectOf(entry), delta: objectOf(entry)["message"] }] },
        this.#takeText,
        this.#takeAudio,
      );
  }
}

/** Null for what is no JSON object, such as a frame that was cut inside of a string. */
function parsed(data: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(data);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** Some hosts put an empty `error: {}` into every chunk. */
function isError(error: unknown): boolean {
  return isObject(error) ? Object.keys(error).length > 0 : Boolean(error);
}
