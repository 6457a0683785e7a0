import {
  ENDPOINTS,
  POLICY_LEVELS,
  type PolicyLevel,
  type PolicyLimit,
  type PolicyList,
  type PolicyVersion,
  type ScopeKind,
} from "@tollhouse/contract";
import { AmountInvalid, parseUsd, parseWhole } from "../money/amount.ts";
import { compileCondition, type Condition, ConditionInvalid } from "./condition.ts";
import { compileGlobs, GlobInvalid, type GlobList } from "./glob.ts";
import {
  type CompiledPolicy,
  type LimitSetting,
  limitSlot,
  type ListName,
  LISTS,
  PLAN_HOLDERS,
  PolicyInvalid,
  type Setting,
} from "./policy.ts";

/** Equal lists and conditions are compiled once: plans are often written out as one policy a user. */
export interface PolicyMemory {
  readonly globs: Map<string, GlobList>;
  readonly conditions: Map<string, Condition>;
}

export function policyMemory(): PolicyMemory {
  return { globs: new Map(), conditions: new Map() };
}

/** A field we do not know is a rule we could not keep: the document is refused whole. */
const FIELDS: ReadonlySet<string> = new Set<keyof PolicyVersion>([
  "id",
  "version",
  "created_at",
  "name",
  "attach",
  "priority",
  "mode",
  "when",
  ...LISTS,
  "caps",
  "limits",
  "output_clamp",
  "fail_mode",
  "on_exceed",
]);

/** The document has passed `policyVersionSchema`; here globs, conditions and amounts are read. Throws PolicyInvalid. */
export function compilePolicy(document: PolicyVersion, memory: PolicyMemory = policyMemory()): CompiledPolicy {
  const fail = (field: string, expected: string): PolicyInvalid => new PolicyInvalid(document.id, field, expected);
  for (const field of Object.keys(document)) if (!FIELDS.has(field)) throw fail(field, "unknown field");
  const { level, key } = attachmentOf(document);
  const createdMs = Date.parse(document.created_at);
  if (Number.isNaN(createdMs)) throw fail("created_at", "expected a time in UTC");
  return Object.freeze({
    giver: Object.freeze({
      policy: document.id,
      version: document.version,
      name: document.name,
      attachment: level === "default" ? level : `${level}:${key}`,
    }),
    level,
    key,
    priority: document.priority,
    createdMs,
    mode: document.mode,
    condition: document.when === undefined ? null : conditionOf(document, document.when, memory),
    settings: Object.freeze([
      ...LISTS.flatMap((list) => listSettings(document, list, memory)),
      ...capSettings(document),
      ...plainSettings(document),
    ]),
    limits: Object.freeze(limitSettings(document, level)),
  });
}

function attachmentOf({ id, attach }: PolicyVersion): { level: PolicyLevel; key: string } {
  if (attach === "default") return { level: "default", key: "" };
  for (const level of POLICY_LEVELS) {
    const key = level === "default" ? undefined : attach[level];
    if (key !== undefined) return { level, key };
  }
  throw new PolicyInvalid(id, "attach", "expected a user, a feature, a plan or `default`");
}

function conditionOf({ id }: PolicyVersion, text: string, { conditions }: PolicyMemory): Condition {
  try {
    return remembered(conditions, text, () => compileCondition(text));
  } catch (error) {
    throw error instanceof ConditionInvalid ? new PolicyInvalid(id, "when", error.message) : error;
  }
}

function listSettings(document: PolicyVersion, list: ListName, memory: PolicyMemory): Setting[] {
  const given: PolicyList | undefined = document[list];
  const settings: Setting[] = [];
  for (const side of ["allow", "deny"] as const) {
    const globs = given?.[side];
    if (globs !== undefined)
      settings.push({ name: `${list}.${side}`, value: globList(document, list, side, globs, memory) });
  }
  return settings;
}

function globList(
  document: PolicyVersion,
  list: ListName,
  side: "allow" | "deny",
  globs: readonly string[],
  memory: PolicyMemory,
): GlobList {
  // Features are dimension values, which keep their case wherever they are counted.
  const caseSensitive = list === "features";
  try {
    const compile = (some: readonly string[]): GlobList =>
      remembered(memory.globs, JSON.stringify([caseSensitive, some]), () => compileGlobs(some, caseSensitive));
    const idle = list === "endpoints" ? globs.find((glob) => matchesNone(compile([glob]))) : undefined;
    if (idle !== undefined) throw new GlobInvalid(`${idle} is no endpoint; there are ${ENDPOINTS.join(", ")}`);
    return compile(globs);
  } catch (error) {
    throw error instanceof GlobInvalid ? new PolicyInvalid(document.id, `${list}.${side}`, error.message) : error;
  }
}

function matchesNone(globs: GlobList): boolean {
  return !ENDPOINTS.some((endpoint) => globs.matches(endpoint));
}

function capSettings({ id, caps }: PolicyVersion): Setting[] {
  const settings: Setting[] = [];
  if (caps?.cost !== undefined)
    settings.push({ name: "caps.cost", value: amountOf(id, "caps.cost", () => parseUsd(caps.cost as string)) });
  if (caps?.input_tokens !== undefined) settings.push({ name: "caps.input_tokens", value: caps.input_tokens });
  if (caps?.output_tokens !== undefined) settings.push({ name: "caps.output_tokens", value: caps.output_tokens });
  return settings;
}

function plainSettings({ output_clamp, fail_mode, on_exceed }: PolicyVersion): Setting[] {
  const settings: Setting[] = [];
  if (output_clamp !== undefined) settings.push({ name: "output_clamp", value: output_clamp });
  if (fail_mode !== undefined) settings.push({ name: "fail_mode", value: fail_mode });
  if (on_exceed !== undefined) settings.push({ name: "on_exceed", value: on_exceed });
  return settings;
}

function limitSettings({ id, limits = [] }: PolicyVersion, level: PolicyLevel): LimitSetting[] {
  const seen = new Set<string>();
  return limits.map((limit, i) => {
    const field = `limits.${i}`;
    const scope = scopeOf(limit, level);
    if (scope === undefined) throw new PolicyInvalid(id, `${field}.scope`, "expected what it counts on");
    const setting: LimitSetting = {
      measure: limit.measure,
      amount: amountOf(id, `${field}.amount`, () =>
        limit.measure === "usd" ? parseUsd(limit.amount) : parseWhole(limit.amount),
      ),
      window: limit.window,
      timeZone: limit.time_zone ?? "UTC",
      mode: limit.mode,
      scope,
    };
    for (const counted of scope === null ? PLAN_HOLDERS : [scope]) {
      const slot = limitSlot(setting, counted);
      if (seen.has(slot)) throw new PolicyInvalid(id, field, "the same measure, window, mode and scope twice");
      seen.add(slot);
    }
    return Object.freeze(setting);
  });
}

function scopeOf(limit: PolicyLimit, level: PolicyLevel): ScopeKind | null | undefined {
  if (limit.scope !== undefined) return limit.scope;
  switch (level) {
    case "user":
    case "feature":
      return level;
    case "plan":
      return null;
    case "default":
      return undefined;
  }
}

function amountOf(id: string, field: string, read: () => bigint): bigint {
  try {
    return read();
  } catch (error) {
    throw error instanceof AmountInvalid ? new PolicyInvalid(id, field, `expected ${error.expected}`) : error;
  }
}

function remembered<V>(memory: Map<string, V>, key: string, make: () => V): V {
  const known = memory.get(key);
  if (known !== undefined) return known;
  const made = make();
  memory.set(key, made);
  return made;
}
