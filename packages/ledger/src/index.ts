export * from "./chain.ts";
export * from "./entry.ts";
export * from "./field-codecs.ts";
export type { LimitSeen } from "./limit-seen.ts";
export * from "./fields.ts";
export * from "./hmac.ts";
export * from "./ledger-format-error.ts";
export * from "./verify.ts";
