export * from "./counters/counter-store.ts";
export * from "./spool/records.ts";
