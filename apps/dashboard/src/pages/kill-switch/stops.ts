import type { Touches } from "../../api/use-operation.ts";

/** What a stop that was made or lifted makes old. */
export const STOPS: Touches = ["listKillSwitches", "listBlocks", "getStats"];
