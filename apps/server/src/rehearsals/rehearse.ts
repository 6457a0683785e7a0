import type { PolicyDocument, PolicyVersion } from "@tollhouse/contract";
import {
  createPriceBook,
  seededPriceBookData,
  slotText,
  type CompiledPolicy,
  type CounterSlot,
  type PlanHolder,
  type PolicyCall,
  type PriceRow,
} from "@tollhouse/engine";
import { ENTRY_FLAGS } from "@tollhouse/ledger";
import {
  deriveKey,
  LedgerKeys,
  listPlanAssignments,
  listPolicies,
  recordedEntries,
  type Database,
  type RecordedEntry,
} from "@tollhouse/store";
import { createDerivedId } from "../limits/derived-id.ts";
import type { Place } from "../place.ts";
import { PolicyLimitIds } from "../policies/policy-limit-ids.ts";
import { rehearsedPolicies } from "./draft-policies.ts";
import { counterId } from "./judge-call.ts";
import { recordedCall, type NameOfUser, type RecordedCall } from "./recorded-call.ts";
import { RehearsalCounters } from "./rehearsal-counters.ts";
import { Rehearsal, type RehearsalSums, type RehearsedChange } from "./rehearsal.ts";
import { seedCounters } from "./seed-counters.ts";

/** Everything that a rehearsal is made of; it goes to a thread of its own, so it is data alone. */
export interface RehearsalJob extends Place {
  readonly masterKey: Uint8Array;
  readonly ownPrices: readonly PriceRow[];
  readonly policy: PolicyDocument | null;
  readonly replaces: string | undefined;
  readonly fromMs: number;
  readonly toMs: number;
  readonly nowMs: number;
}

export interface RehearsalResult {
  readonly sums: RehearsalSums;
  /** As it was rehearsed; null = without one. */
  readonly draft: { readonly id: string; readonly version: number } | null;
  readonly policies: number;
}

/** Told of every page of calls; the next one waits for it. `atMs`: how far it has come. */
export type PageRehearsed = (changes: readonly RehearsedChange[], sums: RehearsalSums, atMs: number) => Promise<void>;

/** The policies in force as the database has them, with the draft, over the recorded calls of the range. Writes nothing. */
export async function rehearse(db: Database, job: RehearsalJob, told: PageRehearsed): Promise<RehearsalResult> {
  const { tenant, environment, fromMs, toMs } = job;
  const place: Place = { tenant, environment };
  const keys = new LedgerKeys(job.masterKey);
  const inForce: PolicyVersion[] = [];
  for await (const policy of listPolicies(db, place)) inForce.push(policy);
  const policies = rehearsedPolicies(inForce, job.policy, job.replaces, job.nowMs);
  const compiled = [...policies.documents.keys()].map((id) => policies.snapshot.byId(id) as CompiledPolicy);
  const plans = { user: await assigned(db, place, "user"), customer: await assigned(db, place, "customer") };
  const counters = new RehearsalCounters();
  await seedCounters(db, keys, place, compiled, counters, fromMs);
  const defaultBudget = createDerivedId(deriveKey(job.masterKey, "derived-limit", tenant), environment);
  const rehearsal = new Rehearsal({
    policies,
    counters,
    prices: createPriceBook(seededPriceBookData(), job.ownPrices),
    planOf: (call) => planOf(plans, call),
    isDefaultBudget: (id, session) => id === defaultBudget(`session:${session}`),
  });
  const nameOf = namesOf(keys, tenant, [...compiled.flatMap(userOf), ...plans.user.keys()]);
  const resets = new SessionResets(new PolicyLimitIds(place, job.masterKey, keys), compiled, counters);
  for await (const page of recordedEntries(db, { ...place, fromMs, toMs })) {
    const changes = page.flatMap((entry) => rehearseEntry(rehearsal, resets, entry, nameOf) ?? []);
    const last = page.at(-1);
    if (last !== undefined) await told(changes, rehearsal.sums(), Number(last.timeUs / 1000n));
  }
  const { draft } = policies;
  return {
    sums: rehearsal.sums(),
    draft: draft === null ? null : { id: draft.id, version: draft.version },
    policies: policies.documents.size,
  };
}

function rehearseEntry(
  rehearsal: Rehearsal,
  resets: SessionResets,
  entry: RecordedEntry,
  nameOf: NameOfUser,
): RehearsedChange | null {
  const { type, fields } = entry;
  if (type === "admin_action") resets.apply(entry);
  else if (type === "blocked_summary")
    rehearsal.summarised((fields.blocked ?? []).reduce((sum, { count }) => sum + count, 0));
  else if (type === "correction" && (entry.flags & ENTRY_FLAGS.restated) === 0) {
    const call = recordedCall({ ...entry, type: "call_settled" }, nameOf);
    if (call !== null) rehearsal.moved(call, entry.amountNano, call.used.tokens);
  } else {
    const call = recordedCall(entry, nameOf);
    if (call !== null) return rehearsal.push(call);
  }
  return null;
}

type Plans = Readonly<Record<PlanHolder, ReadonlyMap<string, string>>>;

/** As its entry says it; where that says none, there may have been no policies then that it mattered to. */
function planOf(plans: Plans, { dimensions, plan, user }: RecordedCall): Pick<PolicyCall, "plan" | "planHolder"> {
  const ofUser = user?.name === undefined || user.name === null ? undefined : plans.user.get(user.name);
  const ofCustomer = dimensions.customer === undefined ? undefined : plans.customer.get(dimensions.customer);
  const now = ofUser ?? ofCustomer ?? null;
  const then = plan ?? now;
  if (then === null || then !== now) return { plan: then };
  return { plan: then, planHolder: ofUser === undefined ? "customer" : "user" };
}

async function assigned(db: Database, place: Place, holder: PlanHolder): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for await (const { value, plan } of listPlanAssignments(db, place, holder)) found.set(value, plan);
  return found;
}

function userOf({ level, key }: CompiledPolicy): readonly string[] {
  return level === "user" ? [key] : [];
}

/** Names that policies and plans know, by their lookups: made where the first user comes whose readable id is not kept. */
function namesOf(keys: LedgerKeys, tenant: string, names: readonly string[]): NameOfUser {
  let known: ReadonlyMap<string, string> | null = null;
  return (lookup) => {
    known ??= new Map(names.map((name) => [keys.userLookup(tenant, name).toString("hex"), name]));
    return known.get(lookup) ?? null;
  };
}

/** Operators who start a session anew take back what its counters had settled (docs/adr/0008). */
class SessionResets {
  readonly #ids: PolicyLimitIds;
  readonly #slots: readonly CounterSlot[];
  readonly #counters: RehearsalCounters;

  constructor(ids: PolicyLimitIds, policies: readonly CompiledPolicy[], counters: RehearsalCounters) {
    this.#ids = ids;
    this.#counters = counters;
    const slots = policies
      .flatMap(({ limits }) => limits)
      .filter(({ scope }) => scope === "session")
      .map((limit): [string, CounterSlot] => [slotText(limit), { ...limit, scope: "session" }]);
    this.#slots = [...new Map(slots).values()];
  }

  apply({ fields, timeUs }: RecordedEntry): void {
    const { action, subject, counters } = fields;
    if (action !== "session.reset" || subject === undefined || counters === undefined) return;
    for (const slot of this.#slots) {
      const id = this.#ids.of(slotText(slot), "session", subject);
      const moved = counters.find(({ limitId }) => limitId === id);
      if (moved === undefined) continue;
      const { window, timeZone } = slot;
      const counter = { id: counterId(slotText(slot), "session", subject), window, timeZone };
      this.#counters.add(counter, Number(timeUs) / 1_000, moved.amount, moved.amount);
    }
  }
}
