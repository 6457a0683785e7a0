export * from "./limits/limit.ts";
