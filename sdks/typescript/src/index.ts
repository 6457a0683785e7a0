export * from "./tollhouse.ts";
export * from "./tollhouse-error.ts";
