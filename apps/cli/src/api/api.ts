import { setTimeout as wait } from "node:timers/promises";
import { CommandFailed, exitOfStatus } from "../exit-codes.ts";
import {
  OPERATIONS,
  targetOf,
  type Answer,
  type AnyInput,
  type Input,
  type OperationId,
  type Problem,
} from "@tollhouse/contract/control-client";

export type { Answer, Input, OperationId };

export interface ApiOptions {
  /** `http://host:port`, no slash at its end. */
  readonly url: string;
  readonly key: string | null;
  /** Told to every operation that has it, unless the command names another. */
  readonly environment: string | null;
  readonly tenant: string | null;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/** A whole answer; what is read as it comes (exports, progress) has no end but the signal's. */
const TIMEOUT_MS = 60_000;
/** A list of many pages may meet the rate limit of its key. */
const RATE_WAITS_MAX = 3;

/** The control API over `fetch`, typed by the table of its operations. A problem is a `ProblemAnswer`. */
export class Api {
  readonly options: ApiOptions;
  constructor(options: ApiOptions) {
    this.options = options;
  }

  /** `ifVersion`: only if it is still this version (If-Match). */
  async call<O extends OperationId>(operation: O, input: Input<O>, ifVersion?: number): Promise<Answer<O>> {
    const headers: Headers = ifVersion === undefined ? {} : { "if-match": `"${ifVersion}"` };
    const response = await this.#send(operation, input as AnyInput, AbortSignal.timeout(TIMEOUT_MS), headers);
    return (await readAnswer(response)) as Answer<O>;
  }

  /** All pages of a list in one. */
  async all<O extends OperationId>(operation: O, input: Input<O>, max = Infinity): Promise<Answer<O>> {
    const { query, ...rest } = input as AnyInput;
    const first = (await this.call(operation, input)) as Page;
    const field = Object.keys(first).find((name) => Array.isArray(first[name])) ?? "";
    const rows = [...(first[field] as unknown[])];
    let cursor = first.next_cursor;
    while (cursor !== null && cursor !== undefined && rows.length < max) {
      const next = (await this.call(operation, { ...rest, query: { ...query, cursor } } as Input<O>)) as Page;
      rows.push(...(next[field] as unknown[]));
      cursor = next.next_cursor;
    }
    return { ...first, [field]: rows.slice(0, max), next_cursor: cursor ?? null } as Answer<O>;
  }

  /** Whatever it answers, also a refusal: for those who look whether it answers at all. */
  async probe(operation: "getHealth" | "getReady"): Promise<Response> {
    const signal = AbortSignal.any([this.options.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    return this.#fetch(this.#target(operation, {}), { signal });
  }

  /** The answer as it comes. */
  async stream<O extends OperationId>(operation: O, input: Input<O>, accept: string): Promise<Response> {
    return this.#send(operation, input as AnyInput, null, { accept });
  }

  async #send(
    operation: OperationId,
    input: AnyInput,
    timeout: AbortSignal | null,
    headers: Headers,
  ): Promise<Response> {
    const { method } = OPERATIONS[operation];
    for (let waits = 0; ; waits += 1) {
      const response = await this.#fetch(this.#target(operation, input), {
        method,
        headers: {
          ...this.#headers(),
          ...headers,
          ...(input.body !== undefined && { "content-type": "application/json" }),
        },
        ...(input.body !== undefined && { body: JSON.stringify(input.body) }),
        signal: timeout === null ? this.options.signal : AbortSignal.any([this.options.signal, timeout]),
      });
      if (response.ok) return response;
      const retryAfterS = Number(response.headers.get("retry-after") ?? Number.NaN);
      if (method !== "GET" || response.status !== 429 || !(retryAfterS <= 60) || waits === RATE_WAITS_MAX)
        throw await problemOf(response, this.options.url);
      await response.body?.cancel();
      await wait(retryAfterS * 1_000, undefined, { signal: this.options.signal });
    }
  }

  #target(operation: OperationId, input: AnyInput): string {
    const { environment, tenant } = this.options;
    const always = { ...(environment !== null && { environment }), ...(tenant !== null && { tenant }) };
    return `${this.options.url}${targetOf(operation, input, always)}`;
  }

  #headers(): Headers {
    return this.options.key === null ? {} : { authorization: `Bearer ${this.options.key}` };
  }

  async #fetch(target: string, init: RequestInit): Promise<Response> {
    try {
      // A key must not follow a redirect to wherever it leads.
      return await fetch(target, { ...init, redirect: "error" });
    } catch (error) {
      if (this.options.signal.aborted) throw error;
      throw new CommandFailed("unavailable", unreachable(this.options.url, error), START_OR_NAME);
    }
  }
}

type Headers = Readonly<Record<string, string>>;
type Page = Readonly<Record<string, unknown>> & { readonly next_cursor?: string | number | null };

/** A refusal by Tollhouse, with its reason code. */
export class ProblemAnswer extends CommandFailed {
  override readonly name = "ProblemAnswer";
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(exitOfStatus(problem.status), `${problem.reason_code}: ${detailOf(problem)}`);
    this.problem = problem;
  }
}

function detailOf({ detail, errors = [] }: Problem): string {
  const more = errors
    .filter(({ field }) => !detail.includes(field))
    .map(({ field, problem }) => `${field}: ${problem}`);
  return [detail, ...more].join("; ");
}

async function problemOf(response: Response, url: string): Promise<CommandFailed> {
  const body: unknown = await response.json().catch(() => null);
  if (typeof body === "object" && body !== null && "reason_code" in body) return new ProblemAnswer(body as Problem);
  // What is not found by something else than Tollhouse says nothing about what Tollhouse has.
  return new CommandFailed(
    response.status === 404 ? "unavailable" : exitOfStatus(response.status),
    `${url} answered ${response.status}, and not as a Tollhouse does`,
  );
}

async function readAnswer(response: Response): Promise<unknown> {
  if (response.status === 204) return undefined;
  const text = await response.text();
  if (!(response.headers.get("content-type") ?? "").includes("json")) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new CommandFailed("unavailable", `${new URL(response.url).origin} answered what is no JSON`);
  }
}

const START_OR_NAME = "Is it running there? `tollhouse start` starts one here, --url names another.";

function unreachable(url: string, error: unknown): string {
  if (error instanceof Error && error.name === "TimeoutError")
    return `${url} did not answer within ${TIMEOUT_MS / 1_000} s`;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const why = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  return `${url} cannot be reached (${why})`;
}
