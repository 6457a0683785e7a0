export type { BillLine, Finished, ProviderName } from "./bill.ts";
export { ERROR_STATUSES, type ErrorStatus, type Fault } from "./fault.ts";
export { type ModelPrice, PRICES, UNPRICED_PREFIX } from "./price-table.ts";
export { type Simulator, type SimulatorOptions, startSimulator } from "./simulator.ts";
export { WORDS } from "./words.ts";
