import type { Problem, ReasonCode } from "@tollhouse/contract/control-client";

/** Tollhouse did not do what was asked. Nothing of the request, and no key, is in it. */
export class TollhouseError extends Error {
  override readonly name = "TollhouseError";
  /** HTTP status; null = there was no answer. */
  readonly status: number | null;
  /** Null where whoever answered is no Tollhouse, or nobody did. */
  readonly reasonCode: ReasonCode | null;
  /** What was wrong with which field. */
  readonly errors: NonNullable<Problem["errors"]>;

  constructor(message: string, status: number | null, problem: Problem | null = null, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.reasonCode = problem?.reason_code ?? null;
    this.errors = problem?.errors ?? [];
  }
}

/** What a refused request was answered with (RFC 9457). */
export async function errorOf(response: Response, url: string): Promise<TollhouseError> {
  const body: unknown = await response.json().catch(() => null);
  if (typeof body !== "object" || body === null || !("reason_code" in body))
    return new TollhouseError(`${url} answered ${response.status}, and not as a Tollhouse does`, response.status);
  const problem = body as Problem;
  const more = (problem.errors ?? []).map(({ field, problem: what }) => `${field}: ${what}`);
  return new TollhouseError(
    [`${problem.reason_code}: ${problem.detail}`, ...more].join("; "),
    response.status,
    problem,
  );
}
