/**
 * What a model and feature usually answer, learned from the calls of this node: the size of a first slice and the rate that
 * says how far a reservation must be ahead of a stream. Only a guess for efficiency: safety never depends on it, because a
 * slice that is too small is extended before it is used up.
 */
export interface OutputProfile {
  /** Output tokens of a first slice. */
  slice(key: string): number;
  /** Tokens the provider may still make before it notices an abort. */
  lead(key: string): number;
  learn(key: string, tokens: number, durationMs: number): void;
}

interface Learned {
  tokens: number;
  perSecond: number;
}

const SLICE_FIRST = 1_024;
const SLICE_MIN = 64;
const SLICE_MAX = 8_192;
const RATE_FIRST = 100;
const KEYS_MAX = 10_000;
const WEIGHT = 0.1;

export function createOutputProfile(leadSeconds: number): OutputProfile {
  const learned = new Map<string, Learned>();
  return {
    slice(key) {
      const known = learned.get(key);
      if (known === undefined) return SLICE_FIRST;
      return Math.min(SLICE_MAX, Math.max(SLICE_MIN, Math.ceil(known.tokens * 1.5)));
    },
    lead(key) {
      return Math.ceil((learned.get(key)?.perSecond ?? RATE_FIRST) * leadSeconds);
    },
    learn(key, tokens, durationMs) {
      const perSecond = durationMs > 0 ? Math.min(2_000, (tokens * 1_000) / durationMs) : RATE_FIRST;
      const known = learned.get(key);
      if (known === undefined) {
        // Forgetting all is cheap and rare; evicting the oldest key of a large Map costs more than a call.
        if (learned.size >= KEYS_MAX) learned.clear();
        learned.set(key, { tokens, perSecond });
        return;
      }
      known.tokens += WEIGHT * (tokens - known.tokens);
      known.perSecond += WEIGHT * (perSecond - known.perSecond);
    },
  };
}
