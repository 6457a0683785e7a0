import type { Problem } from "@tollhouse/contract/control-client";

/** Why the control API did not do what it was asked; or why it could not be asked. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  /** 0: nobody answered. */
  readonly status: number;
  readonly problem: Problem | null;

  constructor(status: number, problem: Problem | null, message: string) {
    super(message);
    this.status = status;
    this.problem = problem;
  }

  /** Was somebody signed in, and is no longer? */
  get isEndOfSession(): boolean {
    return this.problem?.reason_code === "SESSION_ENDED";
  }

  /** Field → what was expected of it first, for a form. */
  get fields(): Readonly<Record<string, string>> {
    return Object.fromEntries((this.problem?.errors ?? []).toReversed().map(({ field, problem }) => [field, problem]));
  }
}

export async function problemOf(response: Response): Promise<ProblemError> {
  const body: unknown = await response.json().catch(() => null);
  if (typeof body === "object" && body !== null && "reason_code" in body) {
    const problem = body as Problem;
    return new ProblemError(response.status, problem, problem.detail);
  }
  return new ProblemError(response.status, null, `The server answered ${response.status}, and not as a Tollhouse does`);
}
