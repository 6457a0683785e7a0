import type { Call, Frame } from "../call.ts";
import { isFields } from "../fields.ts";
import type { OutputPlan } from "../plan.ts";
import type { OutputCounts } from "./chat-usage.ts";

const DONE: Frame = { text: "data: [DONE]\n\n", tokens: 0 };
const OBFUSCATION = "k3Zx9QmW2bTfL7hR";

/** Ends of chunks, and the last frames of a stream: where chat and legacy completions say their usage. */
export interface UsageTail {
  /** Notes tokens that no chunk shows. */
  made(hidden: number, visible: number, audio: number): void;
  /** What follows `choices` in a chunk of so many tokens. */
  running(tokens: number): string;
  end(): Generator<Frame>;
}

/**
 * Usage goes out only when the client asked (`stream_options.include_usage`): a last chunk with `choices: []`, and null on the
 * others. `head` is a chunk up to and including `"choices":[`.
 */
export function usageFrames(
  call: Call,
  head: string,
  usageJson: (made: OutputCounts) => string,
  output: OutputPlan,
): UsageTail {
  const options = call.body["stream_options"];
  const asked = isFields(options) && options["include_usage"] === true;
  const padded = !isFields(options) || options["include_obfuscation"] !== false;
  const kind = call.fault?.kind ?? null;
  const nulls = asked && kind !== "no_usage" ? ',"usage":null' : "";
  let hidden = 0;
  let visible = 0;
  let audio = 0;
  function made(hiddenTokens: number, visibleTokens: number, audioTokens: number): void {
    hidden += hiddenTokens;
    visible += visibleTokens;
    audio += audioTokens;
  }
  return {
    made,
    running(tokens: number): string {
      visible += tokens;
      const usage = kind === "usage_cumulative" ? `,"usage":${usageJson({ hidden, visible, audio })}` : nulls;
      const padding = padded ? `,"obfuscation":"${OBFUSCATION.slice(0, 4 + (visible % 12))}"` : "";
      return `${usage}${padding}}\n\n`;
    },
    *end(): Generator<Frame> {
      const usage: Frame = { text: `${head}],"usage":${usageJson(output.reported)}}\n\n`, tokens: 0 };
      const sent = asked && kind !== "no_usage";
      if (sent && kind !== "usage_after_end") yield usage;
      if (sent && kind === "usage_twice") yield usage;
      if (kind !== "no_done") yield DONE;
      if (sent && kind === "usage_after_end") yield usage;
    },
  };
}
