import type { PolicyDocument } from "@tollhouse/contract/control-client";
import { formatCount, formatUsd } from "../../parts/format.ts";
import { formatLimit } from "../../parts/limit-words.ts";

export interface Rule {
  readonly about: string;
  readonly says: string;
}

type List = { readonly allow?: readonly string[]; readonly deny?: readonly string[] } | undefined;

/** What a policy sets, a sentence for each; what it does not set is left to less specific policies. */
export function rulesOf(policy: PolicyDocument): readonly Rule[] {
  const { models, providers, endpoints, features, caps, limits, output_clamp, fail_mode, on_exceed, when } = policy;
  return [
    ...(when === undefined ? [] : [{ about: "Applies where", says: when }]),
    ...ofList("Models", models),
    ...ofList("Providers", providers),
    ...ofList("Endpoints", endpoints),
    ...ofList("Features", features),
    ...ofCaps(caps),
    ...(limits ?? []).map((limit) => ({ about: "Limit", says: ofLimit(limit) })),
    ...(on_exceed === undefined ? [] : [{ about: "What does not fit", says: ofExceed(on_exceed) }]),
    ...(output_clamp === undefined ? [] : [{ about: "Longest answer", says: CLAMP_WORDS[output_clamp] }]),
    ...(fail_mode === undefined ? [] : [{ about: "While limits cannot be read", says: FAIL_WORDS[fail_mode] }]),
  ];
}

const CLAMP_WORDS = {
  allowed: "may be set to what is affordable, where a call names none",
  forbidden: "is never set by Tollhouse: a call that could cost too much is refused",
} as const;
const FAIL_WORDS = { closed: "calls are refused", open: "calls go through, within a bounded allowance" } as const;

function ofList(about: string, list: List): readonly Rule[] {
  if (list === undefined) return [];
  const { allow, deny } = list;
  return [
    ...(allow === undefined ? [] : [{ about, says: `only ${allow.join(", ")}` }]),
    ...(deny === undefined ? [] : [{ about, says: `never ${deny.join(", ")}` }]),
  ];
}

function ofCaps(caps: PolicyDocument["caps"]): readonly Rule[] {
  if (caps === undefined) return [];
  const { cost, input_tokens, output_tokens } = caps;
  return [
    ...(cost === undefined ? [] : [{ about: "One call", says: `may cost at most ${formatUsd(cost)}` }]),
    ...(input_tokens === undefined
      ? []
      : [{ about: "One call", says: `may send at most ${formatCount(input_tokens)} tokens` }]),
    ...(output_tokens === undefined
      ? []
      : [{ about: "One call", says: `may ask for at most ${formatCount(output_tokens)} tokens` }]),
  ];
}

function ofLimit(limit: NonNullable<PolicyDocument["limits"]>[number]): string {
  const who =
    limit.scope === undefined ? "it" : limit.scope === "org" ? "the whole organisation" : `each ${limit.scope}`;
  return `${who} may use ${formatLimit({ time_zone: "UTC", ...limit })} (${limit.mode})`;
}

function ofExceed(exceed: NonNullable<PolicyDocument["on_exceed"]>): string {
  if (exceed.action === "downgrade") return `is served by ${exceed.model} instead, and the answer says so`;
  return exceed.action === "block" ? "is refused" : "goes through its caps with an alert; a hard limit stays hard";
}
