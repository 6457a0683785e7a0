import type { CallFacts, PolicyDocument } from "@tollhouse/contract";
import { describe, expect, test } from "vitest";
import type { Limit } from "../limits/limit.ts";
import { decide, type Decision, type DecisionInput, explain } from "./decide.ts";
import { compilePolicies } from "./policy-snapshot.ts";
import { failMode, onExceed, type PolicyCall, resolve, type ResolvedPolicy } from "./resolve.ts";
import type { OutputBounds } from "./rule.ts";

const CALL: PolicyCall = {
  dimensions: { user: "alice" },
  plan: null,
  model: "gpt-4o",
  provider: "openai",
  endpoint: "chat_completions",
  key: null,
  estimatedCost: 400_000_000n,
  inputTokens: 1_000,
  outputTokens: 16_000,
};
const FACTS = { endpoint: "chat_completions", model: "gpt-4o", free: false, choices: 1, outputTokensMax: null };
/** $0.05 of input, $0.00001 an output token. */
const BOUNDS: OutputBounds = { cappable: true, inputUsd: 50_000_000n, outputPico: 10_000_000n, inputExact: true };
const BUDGET = { id: "lim_1", scope: "org", measure: "usd", mode: "hard" } as Limit;

interface Over {
  readonly call?: Partial<PolicyCall>;
  readonly facts?: Partial<CallFacts>;
  readonly bounds?: Partial<OutputBounds>;
  readonly priceKnown?: boolean;
  readonly limits?: readonly Limit[];
}

function policyOf(document: Partial<PolicyDocument>, call: Partial<PolicyCall> = {}): ResolvedPolicy {
  const head = { id: "pol_1", version: 3, created_at: "2026-01-01T00:00:00Z", name: "all", attach: "default" } as const;
  const version = { ...head, priority: 0, mode: "enforce" as const, ...document };
  return resolve(compilePolicies([version], 12), { ...CALL, ...call });
}

function inputOf(document: Partial<PolicyDocument>, over: Over = {}): DecisionInput {
  return {
    facts: { ...FACTS, ...over.facts } as CallFacts,
    priceKnown: over.priceKnown ?? true,
    limits: over.limits ?? [],
    policy: policyOf(document, over.call),
    bounds: { ...BOUNDS, ...over.bounds },
  };
}

function on(document: Partial<PolicyDocument>, over: Over = {}): Decision {
  return explain(inputOf(document, over));
}

describe("the fixed order", () => {
  const all: Partial<PolicyDocument> = {
    limits: [{ measure: "usd", amount: "1", window: "day", mode: "hard", scope: "session" }],
    models: { deny: ["gpt-4o"] },
    providers: { allow: ["azure"] },
    endpoints: { deny: ["chat*"] },
    features: { allow: ["search"] },
    caps: { cost: "0.01", input_tokens: 1, output_tokens: 1 },
  };
  const fixes: readonly (keyof PolicyDocument)[] = ["limits", "models", "providers", "endpoints", "features", "caps"];

  test("decides by the first rule that blocks, and lists what was looked at up to it", () => {
    const seen: string[] = [];
    const left: Partial<PolicyDocument> = { ...all };
    for (const fix of fixes) {
      const { block, steps } = on(left, { bounds: { cappable: false } });
      seen.push(`${block?.code} ${block?.decidedBy?.setting} ${steps.at(-1)?.rule}`);
      expect(steps.slice(0, -1).some(({ outcome }) => outcome === "blocked")).toBe(false);
      delete left[fix];
    }
    expect(seen).toEqual([
      "IDENTITY_REQUIRED limits identity",
      "MODEL_NOT_ALLOWED models.deny models",
      "MODEL_NOT_ALLOWED providers.allow providers",
      "FEATURE_NOT_ALLOWED endpoints.deny endpoints",
      "FEATURE_NOT_ALLOWED features.allow features",
      "REQUEST_COST_CAP caps.cost cost",
    ]);
    expect(on({}).steps.map(({ step }) => step)).toEqual([1, 5, 5, 5, 5, 6, 6, 6, 7]);
  });

  test("a decision says the version of the policies and who gave each value, looked at or not", () => {
    const giver = { policy: "pol_1", version: 3, name: "all", attachment: "default" };
    const { policyVersion, values } = on({ models: { allow: ["*"] }, fail_mode: "open" });
    expect(policyVersion).toBe(12);
    expect(values).toEqual([
      { setting: "models.allow", giver },
      { setting: "fail_mode", giver },
    ]);
  });

  test("without policies only the price is looked at, as before", () => {
    const facts = FACTS as CallFacts;
    expect(decide({ facts, priceKnown: false, limits: [] })).toBeNull();
    expect(decide({ facts, priceKnown: true, limits: [BUDGET] })).toBeNull();
    expect(decide({ facts, priceKnown: false, limits: [BUDGET] })?.code).toBe("PRICE_UNKNOWN");
    expect(decide({ facts: { ...facts, free: true }, priceKnown: false, limits: [BUDGET] })).toBeNull();
  });

  test("a hard budget of a policy asks for a price too", () => {
    const limits = [{ measure: "usd", amount: "1", window: "day", mode: "hard", scope: "org" }] as const;
    const { block } = on({ limits: [...limits] }, { priceKnown: false });
    expect(block).toMatchObject({ code: "PRICE_UNKNOWN", decidedBy: { setting: "limits" } });
    expect(on({ limits: [{ ...limits[0], mode: "soft" }] }, { priceKnown: false }).outcome).toBe("allow");
  });
});

describe("lists", () => {
  test("every model that may serve the call must be allowed", () => {
    const models = { models: { allow: ["gpt-4o"] } };
    expect(on(models, { facts: { otherModels: ["o3"] } }).block?.message).toContain("o3");
    expect(on(models, { call: { otherModels: ["o3"] } }).block?.message).toContain("o3");
    expect(on({ models: { deny: ["o3"] } }, { call: { otherModels: ["o3"] } }).outcome).toBe("block");
    expect(on(models, { call: { otherModels: ["GPT-4O"] } }).outcome).toBe("allow");
  });

  test("a model that is not named passes neither list, but the list of models has none", () => {
    for (const models of [{ allow: ["*"] }, { deny: ["o3"] }]) {
      expect(on({ models }, { call: { model: "" }, facts: { model: "" } }).block?.code).toBe("MODEL_NOT_ALLOWED");
      const facts = { endpoint: "models", model: "", free: true } as const;
      expect(on({ models }, { call: { model: "", endpoint: "models" }, facts }).outcome).toBe("allow");
    }
  });

  test("where only some features are allowed, a call must name one; features keep their case", () => {
    const features = { features: { allow: ["search", "chat-*"] } };
    expect(on(features).block).toMatchObject({ code: "FEATURE_NOT_ALLOWED", decidedBy: { setting: "features.allow" } });
    expect(on(features, { call: { dimensions: { feature: "chat-2" } } }).outcome).toBe("allow");
    expect(on(features, { call: { dimensions: { feature: "Search" } } }).outcome).toBe("block");
    expect(on({ features: { deny: ["search"] } }).outcome).toBe("allow");
  });
});

describe("caps of one call", () => {
  test("a cap is the most that passes", () => {
    const caps = { cost: "0.40", input_tokens: 1_000, output_tokens: 16_000 };
    expect(on({ caps }).outcome).toBe("allow");
    const named = { facts: { outputTokensMax: 16_000 } };
    expect(on({ caps: { ...caps, cost: "0.399999999" } }, named).block?.code).toBe("REQUEST_COST_CAP");
    expect(on({ caps: { ...caps, input_tokens: 999 } }).block?.code).toBe("REQUEST_TOKEN_CAP");
    expect(on({ caps: { ...caps, output_tokens: 15_999 } }, named).block?.code).toBe("REQUEST_TOKEN_CAP");
    expect(on({ caps: { input_tokens: 10 } }, { call: { inputTokens: Number.NaN } }).outcome).toBe("block");
    expect(on({ caps: { output_tokens: 16 } }, { call: { outputTokens: Infinity } }).outputLimit).toBe(16);
  });

  test("a call that names no output cap goes with the one that fits; of several the lowest", () => {
    expect(on({ caps: { output_tokens: 500 } }).outputLimit).toBe(500);
    // ($0.10 - $0.05 of input) / $0.00001
    expect(on({ caps: { cost: "0.10" } }).outputLimit).toBe(5_000);
    expect(on({ caps: { cost: "0.10", output_tokens: 9_000 } }).outputLimit).toBe(5_000);
    expect(on({ caps: { cost: "0.40" } }).outputLimit).toBeNull();
  });

  test.each<[string, Partial<PolicyDocument>, Over]>([
    ["the call names a higher one itself", {}, { facts: { outputTokensMax: 16_000 } }],
    ["the endpoint has no cap", {}, { bounds: { cappable: false } }],
    ["a policy forbids it", { output_clamp: "forbidden" }, {}],
    ["too little would be left", { caps: { output_tokens: 15, cost: "0.050149999" } }, {}],
    ["too little would be left for each of the choices", {}, { facts: { choices: 7 } }],
  ])("it is refused where %s", (_, document, over) => {
    const caps = { output_tokens: 100, cost: "0.051", ...document.caps };
    const { cost, output_tokens } = caps;
    expect(on({ ...document, caps: { cost } }, over).block?.code).toBe("REQUEST_COST_CAP");
    expect(on({ ...document, caps: { output_tokens } }, over).block?.code).toBe("REQUEST_TOKEN_CAP");
  });

  test("a cost that is not known is above every cap", () => {
    const caps = { cost: "9000000000" };
    expect(on({ caps }, { call: { estimatedCost: null } }).block?.code).toBe("REQUEST_COST_CAP");
    expect(on({ caps }, { call: { estimatedCost: 0n }, priceKnown: false }).block?.code).toBe("REQUEST_COST_CAP");
  });

  test("a bound of bytes that is too large asks for a count; an exact one does not", () => {
    for (const caps of [{ input_tokens: 10 }, { cost: "0.01" }]) {
      expect(on({ caps }, { bounds: { inputExact: false } }).block?.recount).toBe(true);
      expect(on({ caps }, { bounds: { inputExact: true } }).block?.recount).toBe(false);
    }
  });

  test("what is free has no caps, and needs no name", () => {
    const limits = [{ measure: "usd", amount: "1", window: "day", mode: "hard", scope: "session" }] as const;
    const caps = { cost: "0", input_tokens: 0, output_tokens: 0 };
    expect(on({ caps, limits: [...limits] }, { facts: { free: true } }).outcome).toBe("allow");
  });
});

describe("on exceed", () => {
  const caps = { cost: "0.01", input_tokens: 10 };

  test("`alert` lets a call pass its caps, and says which; it lets nothing pass a list", () => {
    const { outcome, alerts, steps } = on({ caps, on_exceed: { action: "alert" } });
    expect(outcome).toBe("allow");
    expect(alerts.map(({ code }) => code)).toEqual(["REQUEST_COST_CAP", "REQUEST_TOKEN_CAP"]);
    expect(steps.filter((step) => step.outcome === "exceeded").map(({ rule }) => rule)).toEqual([
      "cost",
      "input_tokens",
    ]);
    expect(on({ models: { deny: ["*"] }, on_exceed: { action: "alert" } }).outcome).toBe("block");
  });

  test("`downgrade` names the model for a call that costs too much, and none for one that has it", () => {
    const onCost = { caps: { cost: "0.01" }, on_exceed: { action: "downgrade", model: "gpt-4o-mini" } } as const;
    expect(on(onCost)).toMatchObject({ outcome: "block", downgradeTo: "gpt-4o-mini" });
    expect(on(onCost, { call: { model: "GPT-4o-mini" } }).downgradeTo).toBeNull();
    expect(on({ ...onCost, caps: { input_tokens: 10 } }).downgradeTo).toBeNull();
    expect(on({ ...onCost, caps: { cost: "9" } }).downgradeTo).toBeNull();
  });

  test("it is `block`, and the fail mode that of the installation, where no policy says or a condition is unknown", () => {
    const open = { fail_mode: "open", on_exceed: { action: "alert" } } as const;
    expect(onExceed(policyOf(open).enforced)).toEqual({ action: "alert" });
    expect(failMode(policyOf(open).enforced)).toBe("open");
    expect(failMode(policyOf({ fail_mode: "closed" }).enforced)).toBe("closed");
    for (const policy of [policyOf({}), policyOf({ ...open, when: "1 / 0 > 0" })]) {
      expect(onExceed(policy.enforced)).toEqual({ action: "block" });
      expect(failMode(policy.enforced)).toBeNull();
    }
    expect(failMode(policyOf({ fail_mode: "closed", when: "1 / 0 > 0" }).enforced)).toBe("closed");
  });
});

describe("conditions", () => {
  test("a model is not hidden by its case, or behind another that may serve the call", () => {
    const small = { when: 'model == "gpt-4o"', caps: { input_tokens: 1 } };
    expect(on(small, { call: { model: "GPT-4O" } }).outcome).toBe("block");
    expect(on(small, { call: { model: "o3" } }).outcome).toBe("allow");
    const hidden = on(small, { call: { model: "o3", otherModels: ["gpt-4o"] } });
    expect(hidden.outcome).toBe("block");
    expect(hidden.conditions).toMatchObject([{ giver: { policy: "pol_1" }, applies: "unknown" }]);
  });
});
