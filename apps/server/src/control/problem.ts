import { CODES, type ReasonCode } from "@tollhouse/contract";

/** A failed control call: RFC 9457 `application/problem+json` with our reason code. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ReasonCode;
  readonly fields: readonly FieldProblem[];
  /** Whole seconds, for `retry-after`; null = nobody is invited to try again by themselves. */
  readonly retryAfterS: number | null;
  constructor(
    code: ReasonCode,
    detail: string,
    fields: readonly FieldProblem[] = [],
    retryAfterS: number | null = null,
  ) {
    super(detail);
    this.code = code;
    this.fields = fields;
    this.retryAfterS = retryAfterS;
  }
}

export interface FieldProblem {
  /** Dotted path in the body or query. */
  readonly field: string;
  readonly problem: string;
}

export function problemBody(problem: Problem): Record<string, unknown> {
  const row = CODES[problem.code];
  return {
    type: `urn:tollhouse:problem:${problem.code.toLowerCase()}`,
    title: row.title,
    status: row.status,
    detail: problem.message,
    reason_code: problem.code,
    ...(problem.fields.length > 0 && { errors: problem.fields }),
  };
}
