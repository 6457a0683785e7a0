/** Why Tollhouse did not start. Each is a state an operator can see and change; none is worth a retry by itself. */
export type StartRefusal =
  | "ADDRESS_UNUSABLE"
  | "BINARIES_UNUSABLE"
  | "DATA_DIR_IN_USE"
  | "DATA_DIR_UNUSABLE"
  | "DATABASE_UNREACHABLE"
  | "DATABASE_NOT_DURABLE"
  | "DATABASE_TOO_OLD"
  | "DATABASE_DID_NOT_START"
  | "DATABASE_IN_USE"
  | "DATABASE_ROLES_MISSING"
  | "REDIS_UNUSABLE"
  | "SCHEMA_MISMATCH"
  | "LEDGER_NOT_IMPORTED"
  | "SIGNING_KEY_UNUSABLE"
  | "LIMIT_INVALID"
  | "POLICY_INVALID"
  | "MASTER_KEY_INVALID"
  | "MASTER_KEY_WRONG"
  | "ADMIN_KEY_INVALID";

/** Stops the start. The message is one line for the operator: what is wrong, and what to do about it. It holds no secret. */
export class StartRefused extends Error {
  override readonly name = "StartRefused";
  readonly code: StartRefusal;

  constructor(code: StartRefusal, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
