import type { ReasonCode } from "@tollhouse/contract";
import type { GlobList } from "./glob.ts";
import type { ListName } from "./policy.ts";
import { type Given, modelsOf, type PolicyCall, type Resolution } from "./resolve.ts";
import { blocked, type DecidedBy, type Finding, NOT_SET, type Rule, type RuleInput } from "./rule.ts";

interface ListRule {
  readonly list: ListName;
  readonly code: ReasonCode;
  /** What of the call is looked at; none = the call carries nothing of the kind. */
  readonly subjects: (input: RuleInput, call: PolicyCall) => readonly string[];
  readonly refused: (subject: string) => string;
  /** Said where only some are allowed, and the call names none. Missing: there is nothing to refuse. */
  readonly unnamed?: string;
}

const LIST_RULES_DATA: readonly ListRule[] = [
  {
    list: "models",
    code: "MODEL_NOT_ALLOWED",
    subjects: ({ facts }, call) =>
      facts.endpoint === "models" && call.model === ""
        ? []
        : [...new Set([...modelsOf(call), ...(facts.otherModels ?? [])])],
    refused: (model) => `Model ${model === "" ? "(none named)" : model} is not allowed by policy`,
  },
  {
    list: "providers",
    code: "MODEL_NOT_ALLOWED",
    subjects: (_, { provider }) => [provider],
    refused: (provider) => `Provider ${provider} is not allowed by policy`,
  },
  {
    list: "endpoints",
    code: "FEATURE_NOT_ALLOWED",
    subjects: (_, { endpoint }) => [endpoint],
    refused: (endpoint) => `Endpoint ${endpoint} is not allowed by policy`,
  },
  {
    list: "features",
    code: "FEATURE_NOT_ALLOWED",
    subjects: (_, { dimensions }) => (dimensions.feature === undefined ? [] : [dimensions.feature]),
    refused: (feature) => `Feature ${feature} is not allowed by policy`,
    unnamed: "Only some features are allowed by policy: name the feature in x-tollhouse-feature",
  },
];

/** Step 5. Every deny is looked at before any allow; a name that is not known (empty) passes neither. */
export const LIST_RULES: readonly Rule[] = LIST_RULES_DATA.map((rule) => ({
  step: 5,
  name: rule.list,
  look: (input) => lookAtList(rule, input),
}));

function lookAtList(rule: ListRule, input: RuleInput): Finding {
  const { call, resolution } = input;
  const { [`${rule.list}.allow` as const]: allowed, [`${rule.list}.deny` as const]: denied } = resolution.values;
  if (call === null || (allowed === undefined && denied === undefined)) return NOT_SET;
  const looked = rule.subjects(input, call);
  const [subject] = looked;
  if (looked.length !== 1 || subject === undefined) return findingOf(rule, resolution, looked);
  return remembered(rule, resolution, subject) ?? findingOf(rule, resolution, looked);
}

/** Names that clients choose: the first ones are remembered, and nobody can push them out or make it grow. */
const SUBJECTS_MAX = 32;
/** What a rule said of one name under one resolution, which says the same of every call. */
const FINDINGS = new WeakMap<Resolution, Map<ListName, Map<string, Finding>>>();

function remembered(rule: ListRule, resolution: Resolution, subject: string): Finding | null {
  let byList = FINDINGS.get(resolution);
  if (byList === undefined) FINDINGS.set(resolution, (byList = new Map()));
  let bySubject = byList.get(rule.list);
  if (bySubject === undefined) byList.set(rule.list, (bySubject = new Map()));
  const known = bySubject.get(subject);
  if (known !== undefined) return known;
  if (bySubject.size >= SUBJECTS_MAX) return null;
  const finding = findingOf(rule, resolution, [subject]);
  bySubject.set(subject, finding);
  return finding;
}

function findingOf(
  { list, code, refused, unnamed }: ListRule,
  { values }: Resolution,
  looked: readonly string[],
): Finding {
  const allow = named(`${list}.allow`, values[`${list}.allow` as const]);
  const deny = named(`${list}.deny`, values[`${list}.deny` as const]);
  if (looked.length === 0 && unnamed !== undefined && allow[0] !== undefined)
    return blocked({ code, message: unnamed, decidedBy: allow[0].by });
  for (const subject of looked) {
    const decisive =
      deny.find(({ globs }) => subject === "" || globs.matches(subject)) ??
      allow.find(({ globs }) => subject === "" || !globs.matches(subject));
    if (decisive !== undefined) return blocked({ code, message: refused(subject), decidedBy: decisive.by });
  }
  return { outcome: "passed", by: [...deny, ...allow].map(({ by }) => by) };
}

function named(
  setting: `${ListName}.${"allow" | "deny"}`,
  given: readonly Given<GlobList>[] = [],
): readonly { readonly globs: GlobList; readonly by: DecidedBy }[] {
  return given.map(({ value, giver }) => ({ globs: value, by: { setting, giver } }));
}
