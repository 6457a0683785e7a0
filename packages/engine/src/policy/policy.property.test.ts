import type { CallFacts, PolicyDocument, PolicyLimit, PolicyVersion } from "@tollhouse/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decide, type Decision, explain, type Ruling } from "./decide.ts";
import { countedLimits, policyLimits } from "./policy-limits.ts";
import { compilePolicies, type PolicySnapshot } from "./policy-snapshot.ts";
import { type PolicyCall, resolve } from "./resolve.ts";

const LONG = process.env["TOLLHOUSE_LONG"] === "1";
const RUNS = { numRuns: LONG ? 4_000 : 500 };
const MODELS = ["m1", "m2", "m3"] as const;

const tokens = fc.constantFrom(0, 10, 100, 1_000);
const dollars = fc.constantFrom("0", "0.10", "1.00", "10.00");
const globs = fc.array(fc.constantFrom("m1", "m2", "m*", "{m1,m3}", "x"), { minLength: 1, maxLength: 2 });
const list = fc.record({ allow: globs, deny: globs }, { requiredKeys: [] });
const limit: fc.Arbitrary<PolicyLimit> = fc.record({
  measure: fc.constantFrom("usd" as const, "tokens" as const),
  amount: fc.constantFrom("0", "1", "2", "5"),
  window: fc.constant("day" as const),
  mode: fc.constantFrom("hard" as const, "hard" as const, "soft" as const),
  scope: fc.constantFrom("user" as const, "org" as const),
});
const limits = fc.uniqueArray(limit, {
  maxLength: 2,
  selector: (some) => Object.values({ ...some, amount: 0 }).join(),
});
const when = fc.constantFrom(
  'estimated_cost < usd("0.50")',
  'estimated_cost > usd("0.50") || user == "u1"',
  "input_tokens > 50",
  'model != "m1"',
  'plan == "p1"',
);
const attach = fc.constantFrom({ user: "u1" }, { feature: "f1" }, { plan: "p1" }, "default" as const);
const settings = fc.record(
  {
    models: list,
    caps: fc.record({ cost: dollars, input_tokens: tokens, output_tokens: tokens }, { requiredKeys: [] }),
    limits,
    output_clamp: fc.constantFrom("allowed" as const, "forbidden" as const),
    on_exceed: fc.constantFrom({ action: "block" as const }, { action: "alert" as const }),
    when,
  },
  { requiredKeys: [] },
);
const head = fc.record({
  attach,
  priority: fc.integer({ min: -1, max: 1 }),
  mode: fc.constantFrom("enforce" as const, "enforce" as const, "observe" as const),
  day: fc.integer({ min: 1, max: 3 }),
});
const someDocument = fc.tuple(head, settings);
const policies = fc
  .array(someDocument, { maxLength: 7 })
  .map((documents) => documents.map(([first, rest], i) => version(`pol_${i}`, first, rest)));

const call: fc.Arbitrary<PolicyCall> = fc.record({
  dimensions: fc.record(
    {
      user: fc.constantFrom("u1", "u2"),
      feature: fc.constantFrom("f1", "f2"),
      session: fc.constant("s1"),
      customer: fc.constant("c1"),
    },
    { requiredKeys: [] },
  ),
  plan: fc.constantFrom("p1", null),
  model: fc.constantFrom(...MODELS),
  otherModels: fc.constantFrom(undefined, ["m2"]),
  provider: fc.constant("openai"),
  endpoint: fc.constant("chat_completions" as const),
  key: fc.constant(null),
  estimatedCost: fc.constantFrom(null, 0n, 90_000_000n, 700_000_000n, 5_000_000_000n),
  inputTokens: fc.constantFrom(5, 60, 500),
  outputTokens: fc.constantFrom(5, 60, 500),
});

interface Outcome {
  readonly decision: Decision;
  readonly limits: ReturnType<typeof policyLimits>;
  /** Of a first call of its windows: steps 1 to 9. */
  readonly allowed: boolean;
}

function outcomeOf(documents: readonly PolicyVersion[], of: PolicyCall): Outcome {
  return outcomeIn(compilePolicies(documents), of);
}

function outcomeIn(snapshot: PolicySnapshot, of: PolicyCall): Outcome {
  const policy = resolve(snapshot, of);
  const facts = { endpoint: of.endpoint, model: of.model, free: false, choices: 1, outputTokensMax: null } as CallFacts;
  const bounds = { cappable: true, inputUsd: 0n, outputPico: 1_000_000_000n, inputExact: true };
  const input = { facts, priceKnown: of.estimatedCost !== null, limits: [], policy, bounds };
  const decision = explain(input);
  expect(decide(input)).toEqual(decision.block);
  const applied = policyLimits(policy.enforced, of);
  const needs = { usd: of.estimatedCost ?? 0n, tokens: BigInt(of.inputTokens + of.outputTokens), requests: 1n };
  const fits = applied.every(({ mode, measure, amount }) => mode === "soft" || needs[measure] <= amount);
  return { decision, limits: applied, allowed: decision.outcome === "allow" && fits };
}

test("the order of policies in the store never changes a decision, a giver or a limit", () => {
  const shuffled = policies.chain((some) => fc.tuple(fc.constant(some), shuffle(some)));
  fc.assert(
    fc.property(shuffled, call, ([some, other], of) => {
      expect(outcomeOf(other, of)).toEqual(outcomeOf(some, of));
    }),
    RUNS,
  );
});

test("what was decided before changes no decision: a snapshot answers each call like one made anew", () => {
  fc.assert(
    fc.property(policies, fc.array(call, { minLength: 2, maxLength: 12 }), (some, calls) => {
      const snapshot = compilePolicies(some);
      for (const of of calls) {
        expect(outcomeIn(snapshot, of)).toEqual(outcomeOf(some, of));
        const held = policyLimits(resolve(snapshot, of).enforced, of);
        expect(countedLimits(snapshot, of, held)).toEqual(countedLimits(compilePolicies(some), of, held));
      }
    }),
    RUNS,
  );
});

test("one deny more never allows more, whoever it is for", () => {
  fc.assert(
    fc.property(
      policies,
      head,
      fc.option(when, { nil: undefined }),
      globs,
      call,
      (some, first, condition, deny, of) => {
        const added = version("pol_new", first, { models: { deny }, when: condition });
        if (outcomeOf([...some, added], of).allowed) expect(outcomeOf(some, of).allowed).toBe(true);
      },
    ),
    RUNS,
  );
});

test("a hard limit more, no higher than those it replaces, never allows more", () => {
  fc.assert(
    fc.property(policies, head, fc.option(when, { nil: undefined }), limit, call, (some, first, condition, one, of) => {
      const same = some
        .flatMap(({ limits: own = [] }) => own)
        .filter((own) => slotOf(own) === slotOf({ ...one, mode: "hard" }));
      const amount = String(Math.min(...[one, ...same].map((own) => Number(own.amount))));
      const added = version("pol_new", first, { limits: [{ ...one, mode: "hard", amount }], when: condition });
      if (outcomeOf([...some, added], of).allowed) expect(outcomeOf(some, of).allowed).toBe(true);
    }),
    RUNS,
  );
});

test("a lower cap never allows more", () => {
  fc.assert(
    fc.property(policies, fc.nat(), call, (some, which, of) => {
      const lower = some.map((policy, i) =>
        i === which % Math.max(1, some.length) && policy.caps !== undefined
          ? { ...policy, caps: { cost: "0", input_tokens: 0, output_tokens: 0 } }
          : policy,
      );
      const [before, after] = [outcomeOf(some, of), outcomeOf(lower, of)];
      if (after.decision.alerts.length === 0 && after.allowed) expect(before.allowed).toBe(true);
    }),
    RUNS,
  );
});

test("a call whose price is not known is allowed only where it is allowed at every price", () => {
  let allowed = 0;
  fc.assert(
    fc.property(policies, call, fc.bigInt({ min: 0n, max: 20_000_000_000n }), (some, of, estimatedCost) => {
      if (!outcomeOf(some, { ...of, estimatedCost: null }).allowed) return;
      allowed += some.some((policy) => policy.when?.includes("estimated_cost")) ? 1 : 0;
      expect(outcomeOf(some, { ...of, estimatedCost }).allowed).toBe(true);
    }),
    { numRuns: LONG ? 8_000 : 1_000 },
  );
  expect(allowed).toBeGreaterThan(20);
});

test("policies in observe never change what is decided, and say what they would have decided", () => {
  fc.assert(
    fc.property(policies, call, (some, of) => {
      const enforcing = some.filter(({ mode }) => mode === "enforce");
      const [all, without] = [outcomeOf(some, of), outcomeOf(enforcing, of)];
      expect(rulingOf(all.decision)).toEqual(rulingOf(without.decision));
      expect(all.limits).toEqual(without.limits);
      const enforced = outcomeOf(
        some.map((policy) => ({ ...policy, mode: "enforce" as const })),
        of,
      );
      if (all.decision.observed === null) expect(rulingOf(enforced.decision)).toEqual(rulingOf(all.decision));
      else expect(all.decision.observed).toEqual(rulingOf(enforced.decision));
    }),
    RUNS,
  );
});

function version(
  id: string,
  { day, ...first }: { day: number } & Pick<PolicyDocument, "attach" | "priority" | "mode">,
  rest: Partial<PolicyDocument>,
): PolicyVersion {
  return { id, version: day, created_at: `2026-01-0${day}T00:00:00Z`, name: id, ...first, ...rest };
}

function slotOf({ measure, window, mode, scope }: PolicyLimit): string {
  return `${measure} ${window} ${mode} ${scope}`;
}

function rulingOf({ outcome, block, steps, alerts, outputLimit, downgradeTo, values }: Ruling): Ruling {
  return { outcome, block, steps, alerts, outputLimit, downgradeTo, values };
}

function shuffle<V>(values: readonly V[]): fc.Arbitrary<V[]> {
  return fc.shuffledSubarray([...values], { minLength: values.length, maxLength: values.length });
}
