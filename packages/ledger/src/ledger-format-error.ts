/** Bytes or values that are not a ledger entry of this format. `field` is the place, as `docs/ledger-format.md` names it. */
export class LedgerFormatError extends Error {
  override readonly name = "LedgerFormatError";
  readonly field: string;
  readonly problem: string;
  constructor(field: string, problem: string) {
    super(`${field}: ${problem}`);
    this.field = field;
    this.problem = problem;
  }
}
