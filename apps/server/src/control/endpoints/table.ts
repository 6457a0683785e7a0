import type { Endpoint } from "../endpoint.ts";
import { ANOMALY_RULE_ENDPOINTS } from "./anomaly-rules.ts";
import { listAudit } from "./audit.ts";
import { BLOCK_ENDPOINTS } from "./blocks.ts";
import { CHECK_ENDPOINTS } from "./checks.ts";
import { getDecision } from "./decisions.ts";
import { getEvents } from "./events.ts";
import { createKey, getKey, listKeys, revokeKey, rotateKey, updateKey } from "./keys.ts";
import { LEDGER_ENDPOINTS } from "./ledger.ts";
import { VERIFICATION_ENDPOINTS } from "./verification.ts";
import { createLimit, deleteLimit, getLimit, listLimits, updateLimit } from "./limits.ts";
import { PLAN_ENDPOINTS } from "./plans.ts";
import { POLICY_ENDPOINTS } from "./policies.ts";
import { MEMBER_ENDPOINTS } from "./members.ts";
import { listPrices } from "./prices.ts";
import { PRIVACY_ENDPOINTS } from "./privacy.ts";
import { PROVIDER_KEY_ENDPOINTS } from "./provider-keys.ts";
import { rehearsePolicy } from "./rehearsals.ts";
import { RETENTION_ENDPOINTS } from "./retention.ts";
import { getCall, getUsage, listCalls } from "./reports.ts";
import { SDK_ENDPOINTS } from "./sdk.ts";
import { SESSION_ENDPOINTS } from "./sessions.ts";
import { SESSION_OF_MEMBER_ENDPOINTS, SIGN_IN_ENDPOINTS } from "./sign-in.ts";
import { SINGLE_SIGN_ON_ENDPOINTS } from "./single-sign-on.ts";
import { getSummary, getUserSummary } from "./summary.ts";
import { getSystem } from "./system.ts";
import { TENANT_ENDPOINTS } from "./tenants.ts";
import { VIEW_ENDPOINTS } from "./views.ts";

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
  ...PLAN_ENDPOINTS,
  ...POLICY_ENDPOINTS,
  rehearsePolicy,
  ...PROVIDER_KEY_ENDPOINTS,
  ...ANOMALY_RULE_ENDPOINTS,
  getUsage,
  getSummary,
  getUserSummary,
  listCalls,
  getCall,
  getDecision,
  getEvents,
  ...VIEW_ENDPOINTS,
  listAudit,
  listPrices,
  ...VERIFICATION_ENDPOINTS,
  ...LEDGER_ENDPOINTS,
  ...RETENTION_ENDPOINTS,
  ...BLOCK_ENDPOINTS,
  ...SESSION_ENDPOINTS,
  ...CHECK_ENDPOINTS,
  ...SDK_ENDPOINTS,
  ...SIGN_IN_ENDPOINTS,
  ...SINGLE_SIGN_ON_ENDPOINTS,
  ...SESSION_OF_MEMBER_ENDPOINTS,
  ...MEMBER_ENDPOINTS,
  ...TENANT_ENDPOINTS,
  ...PRIVACY_ENDPOINTS,
  getSystem,
];
