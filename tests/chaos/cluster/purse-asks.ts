import type { Ask } from "../asks.ts";

/** A provider whose output tokens cost a dollar each, and whose input is free: what a call can cost is what it may make. */
export function pursePrices(simulatorUrl: string): string {
  return `
providers:
  - name: purse
    base_url: ${simulatorUrl}/v1
    dialect: openai
    api_key: sk-purse
    prices:
      - { model: gpt-4o-mini, input: "0", input_cache_read: "0", output: "1000000" }
`;
}

export interface PurseAsk {
  readonly id: string;
  /** Dollars that it may cost, and that it will cost. */
  readonly most: number;
  readonly made: number;
  readonly streamed: boolean;
  /** Of a stream; absent: as fast as it goes. */
  readonly tokensPerSecond?: number;
  readonly dimensions: Readonly<Record<string, string>>;
}

/** Named by its dimension `agent`, on the bill too. */
export function askOf({ id, most, made, streamed, tokensPerSecond, dimensions }: PurseAsk): Ask {
  const named = Object.entries(dimensions).map(([name, value]) => [`x-tollhouse-${name}`, value]);
  return {
    path: "/purse/v1/chat/completions",
    headers: { "content-type": "application/json", "x-tollhouse-agent": id, ...Object.fromEntries(named) },
    body: JSON.stringify({
      model: "gpt-4o-mini",
      messages: [{ role: "user", content: "Hi" }],
      max_tokens: most,
      stream: streamed,
      simulator: {
        call_id: id,
        output_tokens: made,
        ...(tokensPerSecond !== undefined && { tokens_per_second: tokensPerSecond }),
      },
    }),
    id,
    streamed,
  };
}
