import type { Endpoint } from "../endpoint.ts";
import { listAudit } from "./audit.ts";
import { getDecision } from "./decisions.ts";
import { createKey, getKey, listKeys, revokeKey, rotateKey, updateKey } from "./keys.ts";
import { verifyLedger } from "./ledger.ts";
import { createLimit, deleteLimit, getLimit, listLimits, updateLimit } from "./limits.ts";
import { listPrices } from "./prices.ts";
import { getCall, getUsage, listCalls } from "./reports.ts";

/** Every endpoint that is described, in the order of the document. */
export const ENDPOINTS: readonly Endpoint[] = [
  createLimit,
  listLimits,
  getLimit,
  updateLimit,
  deleteLimit,
  createKey,
  listKeys,
  getKey,
  updateKey,
  rotateKey,
  revokeKey,
  getUsage,
  listCalls,
  getCall,
  getDecision,
  listAudit,
  listPrices,
  verifyLedger,
];
