export * from "./codes.ts";
export * from "./dimensions.ts";
export * from "./facts.ts";
export * from "./headers.ts";
export * from "./limits.ts";
export * from "./policies.ts";
export * from "./usage.ts";
