import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { REHEARSAL_BOUNDS, type PolicyVersion, type RehearsalRequest } from "@tollhouse/contract";
import { PolicyInvalid, type PriceRow } from "@tollhouse/engine";
import { DatabaseUnavailable } from "@tollhouse/store";
import { Problem } from "../control/problem.ts";
import type { Place } from "../place.ts";
import type { PolicyServices } from "../policies/load-policies.ts";
import { DRAFT_ID } from "./draft-policies.ts";
import type { RehearsalOrder, RehearsalReport } from "./rehearsal-worker.ts";
import type { PageRehearsed, RehearsalJob, RehearsalResult } from "./rehearse.ts";

export interface RehearsalServiceParts {
  readonly databaseUrl: string;
  readonly masterKey: Uint8Array;
  readonly ownPrices: readonly PriceRow[];
  readonly servicesOf: (place: Place) => PolicyServices;
  /** Resolves when calls that ended before now can be read, or after a short while. */
  readonly caughtUp: () => Promise<void>;
  now(): number;
}

/** What was rehearsed, as the worker told it. */
export interface Rehearsed extends RehearsalResult {
  readonly fromMs: number;
  readonly toMs: number;
}

const DAY_MS = 86_400_000;
const DAYS_DEFAULT = 7;
/** In this process. Each has a thread and two connections of the database for itself. */
const RUNNING_MAX = 2;
const RETRY_S = 10;
/** The counters of two million values, and a page of entries. */
const WORKER_HEAP_MIB = 1_024;

/** Rehearsals of policies, each in a thread of its own: calls of this process wait for none of it. */
export class RehearsalService {
  readonly #parts: RehearsalServiceParts;
  readonly #running = new Map<string, Worker | null>();

  constructor(parts: RehearsalServiceParts) {
    this.#parts = parts;
  }

  /** One at a time of each tenant. Throws a Problem. `signal`: nobody waits for it any more, and it ends. */
  async run(place: Place, request: RehearsalRequest, signal: AbortSignal, told: PageRehearsed): Promise<Rehearsed> {
    const job = this.#jobOf(place, request);
    this.#admit(place.tenant);
    try {
      await this.#parts.caughtUp();
      if (signal.aborted) throw new Problem("REQUEST_INVALID", "Nobody waits for the answer");
      return { ...(await this.#inWorker(job, signal, told)), fromMs: job.fromMs, toMs: job.toMs };
    } finally {
      this.#running.delete(place.tenant);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map(async (worker) => worker?.terminate()));
  }

  #admit(tenant: string): void {
    if (this.#running.has(tenant))
      throw new Problem("RATE_LIMITED", "A rehearsal is running: one at a time", [], RETRY_S);
    if (this.#running.size >= RUNNING_MAX)
      throw new Problem("RATE_LIMITED", `${RUNNING_MAX} rehearsals are running: try again shortly`, [], RETRY_S);
    this.#running.set(tenant, null);
  }

  async #inWorker(job: RehearsalJob, signal: AbortSignal, told: PageRehearsed): Promise<RehearsalResult> {
    const worker = startWorker({ databaseUrl: this.#parts.databaseUrl, job });
    this.#running.set(job.tenant, worker);
    const stop = (): void => void worker.terminate();
    signal.addEventListener("abort", stop);
    const { promise, resolve, reject } = Promise.withResolvers<RehearsalResult>();
    worker.on("error", (error) => reject(asProblem(error)));
    worker.on("exit", () => reject(new Problem("SHUTTING_DOWN", "The rehearsal was ended before it was done")));
    worker.on("message", (report: RehearsalReport) => {
      if (report.t === "done") resolve(report.result);
      else if (report.t === "too_large") reject(tooLarge(report.message));
      else told(report.changes, report.sums, report.atMs).then(() => worker.postMessage("on"), reject);
    });
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", stop);
      await ended(worker);
    }
  }

  #jobOf(place: Place, { policy, replaces, from, to }: RehearsalRequest): RehearsalJob {
    const { masterKey, ownPrices, servicesOf } = this.#parts;
    const nowMs = this.#parts.now();
    const toMs = to === undefined ? nowMs : Date.parse(to);
    const fromMs = from === undefined ? toMs - DAYS_DEFAULT * DAY_MS : Date.parse(from);
    if (!(fromMs < toMs)) throw invalid("from", "expected a time before `to`");
    if (toMs - fromMs > REHEARSAL_BOUNDS.days * DAY_MS)
      throw invalid("from", `expected at most ${REHEARSAL_BOUNDS.days} days before \`to\``);
    assertDraft(servicesOf(place), policy, replaces, nowMs);
    const { tenant, environment } = place;
    return { tenant, environment, masterKey, ownPrices, policy, replaces, fromMs: Math.max(0, fromMs), toMs, nowMs };
  }
}

/** Refused by its field here, so that nothing is started for it. */
function assertDraft(
  { policies, plans }: PolicyServices,
  policy: RehearsalRequest["policy"],
  replaces: string | undefined,
  nowMs: number,
): void {
  const { snapshot } = policies;
  if (replaces !== undefined && snapshot.byId(replaces) === undefined)
    throw invalid("replaces", "expected the id of a policy in force");
  if (policy === null) return;
  const plan = policy.attach === "default" ? undefined : policy.attach.plan;
  if (plan !== undefined && !plans.has(plan)) throw invalid("policy.attach.plan", "expected the name of a plan");
  const id = replaces ?? DRAFT_ID;
  const draft: PolicyVersion = { ...policy, id, version: 1, created_at: new Date(nowMs).toISOString() };
  try {
    snapshot.with(draft);
  } catch (error) {
    throw error instanceof PolicyInvalid ? invalid(`policy.${error.field}`, error.expected) : error;
  }
}

function startWorker(order: RehearsalOrder): Worker {
  const source = import.meta.url.endsWith(".ts");
  return new Worker(new URL(source ? "./rehearsal-worker.ts" : "./rehearsal-worker.js", import.meta.url), {
    workerData: order,
    execArgv: source ? ["--conditions=@tollhouse/source"] : [],
    resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MIB },
  });
}

/** Its connections are closed by then. */
async function ended(worker: Worker): Promise<void> {
  if (worker.threadId === -1) return;
  const exit = once(worker, "exit");
  worker.postMessage("on");
  await exit;
}

function asProblem(error: Error & { readonly code?: string }): Error {
  // An error of a worker comes without its class.
  if (error.code === "DATABASE_UNREACHABLE" || error.name === "DatabaseUnavailable")
    return new DatabaseUnavailable(error);
  if (error.code === "DETAILS_PURGED") return new Problem("DETAILS_PURGED", error.message);
  if (error.code === "ERR_WORKER_OUT_OF_MEMORY") return tooLarge("it would take more memory than a rehearsal may");
  return error;
}

function tooLarge(why: string): Problem {
  return new Problem("REQUEST_INVALID", `The rehearsal is too large: ${why}. Name a shorter range`, [
    { field: "from", problem: "expected a shorter range" },
  ]);
}

function invalid(field: string, problem: string): Problem {
  return new Problem("REQUEST_INVALID", `${field}: ${problem}`, [{ field, problem }]);
}
