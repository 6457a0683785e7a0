/**
 * The database cannot be reached, or left while it was asked: no fault of the statement. What a transaction that was being committed
 * wrote may be there or not (see Database). Says what its cause said.
 */
export class DatabaseUnavailable extends Error {
  override readonly name = "DatabaseUnavailable";
  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

/**
 * Of a server that ends, starts or takes no more connections: class 08, 57P01 to 57P03, 53300
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
const AWAY = /^(08...|57P0[123]|53300)$/;

export function saysAway(error: unknown): error is Error {
  return error instanceof Error && (isSilent(error) || ("code" in error && AWAY.test(String(error.code))));
}

/** It did not answer within `answerTimeoutMs`: the driver has no code for it. Nothing more may be asked of that connection. */
export function isSilent(error: unknown): boolean {
  return error instanceof Error && error.message === "Query read timeout";
}
