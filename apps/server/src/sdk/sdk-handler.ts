import type { IncomingMessage, ServerResponse } from "node:http";
import {
  BUDGET_HEADER,
  CODES,
  DECISION_HEADER,
  IGNORED_HEADER,
  REASON_HEADER,
  sdkCheckSchema,
  type KeyPermission,
  type SdkCheck,
} from "@tollhouse/contract";
import { parseInput, reasonOf } from "../control/control-api.ts";
import { Problem, problemBody } from "../control/problem.ts";
import { parseJsonBody, readBody } from "../gateway/body.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { STALE } from "../gateway/limits-unavailable.ts";
import { budgetHeader } from "../gateway/refusal.ts";
import type { Handler } from "../listener.ts";
import { CROWDED } from "../process/node-load.ts";
import { checkCall, type CheckAnswer } from "./check-call.ts";
import { recordBatch, recordCall, type RecordCallParts, type RecordKind } from "./record-call.ts";
import { callerOf, identityOf, type SdkCaller } from "./sdk-caller.ts";
import { spelled, type JsonObject } from "./spellings.ts";

/** What answers a request whose caller and body are known: JSON text, and headers beside it. */
type Answer = (caller: SdkCaller, body: JsonObject) => Promise<{ text: string; headers?: Record<string, string> }>;

interface SdkEndpoint {
  readonly permission: KeyPermission;
  readonly answer: Answer;
}

/** `/sdk/…`, `/evaluate` and `/usage`, by path: how a backend that calls its providers itself asks first and tells afterwards. */
export function sdkPages(parts: RecordCallParts): ReadonlyMap<string, Handler> {
  const check: SdkEndpoint = { permission: "call", answer: (caller, body) => answerCheck(parts, caller, body, false) };
  const evaluate: SdkEndpoint = {
    permission: "call",
    answer: (caller, body) => answerCheck(parts, caller, body, true),
  };
  const recording = (kind: RecordKind): SdkEndpoint => ({
    permission: "record",
    answer: async (caller, body) => ({
      text: await ("records" in body
        ? recordBatch(parts, caller, kind, body)
        : recordCall(parts, caller, kind, body, caller.idempotencyKey)),
    }),
  });
  const endpoints: readonly (readonly [string, SdkEndpoint])[] = [
    ["/sdk/check", check],
    ["/evaluate", evaluate],
    ["/sdk/record", recording({ payloads: false, flatUsage: false })],
    ["/sdk/log", recording({ payloads: true, flatUsage: false })],
    ["/usage", recording({ payloads: false, flatUsage: true })],
  ];
  return new Map(
    endpoints.map(([path, endpoint]) => [path, (req, res) => void serve(parts.gateway, endpoint, req, res)]),
  );
}

async function serve(
  gateway: Gateway,
  endpoint: SdkEndpoint,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  gateway.state.inFlight++;
  let tenant: string | null = null;
  try {
    const caller = admit(gateway, endpoint, req);
    ({ tenant } = caller.identity);
    gateway.load.entered(tenant, 0);
    const { ignored } = caller.identity;
    if (ignored.length > 0) res.setHeader(IGNORED_HEADER, ignored.join(", "));
    const body = await bodyOf(gateway, caller, req);
    const { text, headers } = await endpoint.answer(caller, body);
    send(res, 200, "application/json; charset=utf-8", text, headers);
  } catch (error) {
    // A client that went away while it was sending is no bug, and there is nobody to answer.
    if (req.destroyed && !req.complete) return;
    const problem = reasonOf(error);
    if (problem.code === "INTERNAL") gateway.failed(error);
    refuse(res, problem);
  } finally {
    gateway.state.inFlight--;
    if (tenant !== null) gateway.load.left(tenant, 0);
  }
}

/** Nothing of the body is read for a caller who may not ask. What was used is taken as long as it can be kept. */
function admit(gateway: Gateway, { permission }: SdkEndpoint, req: IncomingMessage): SdkCaller {
  if (req.method !== "POST") throw new Problem("METHOD_NOT_ALLOWED", "Expected POST");
  if (gateway.state.closing && permission === "call") throw new Problem("SHUTTING_DOWN", "This node is shutting down");
  if (permission === "call" && gateway.stale?.() === true) throw new Problem("LIMITS_UNAVAILABLE", STALE);
  const { state, load } = gateway;
  // This request is one of them already. A node that is behind, and a tenant that has its share, still tells what was used.
  if (state.inFlight > (permission === "call" ? load.callsMax : load.bounds.callsInFlightMax))
    throw new Problem("OVERLOADED", load.refusal);
  const caller = callerOf(req, { ...gateway.identity, strict: false }, permission);
  if (permission === "call" && load.crowds(caller.identity.tenant)) throw new Problem("OVERLOADED", CROWDED);
  return caller;
}

async function bodyOf(gateway: Gateway, { headers }: SdkCaller, req: IncomingMessage): Promise<JsonObject> {
  if (headers.contentEncoding !== null)
    throw new Problem("REQUEST_INVALID", "content-encoding: expected an unencoded body");
  const raw = await readBody(req, headers.contentLength, gateway.settings.bodyBytesMax, gateway.load);
  if ("code" in raw) throw new Problem(raw.code, raw.message);
  const parsed = parseJsonBody(startsAsArray(raw) ? Buffer.concat([RECORDS_OPEN, raw, RECORDS_CLOSE]) : raw);
  if ("code" in parsed) throw new Problem(parsed.code, parsed.message);
  return parsed.value;
}

/** A batch may be sent as a bare array too. */
const RECORDS_OPEN = Buffer.from('{"records":');
const RECORDS_CLOSE = Buffer.from("}");

function startsAsArray(raw: Buffer): boolean {
  for (const byte of raw) {
    if (byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d) continue;
    return byte === 0x5b;
  }
  return false;
}

async function answerCheck(
  parts: RecordCallParts,
  caller: SdkCaller,
  body: JsonObject,
  evaluated: boolean,
): Promise<{ text: string; headers: Record<string, string> }> {
  const said = parseInput<SdkCheck>(sdkCheckSchema, spelled(body));
  const answer = await checkCall(parts, identityOf(caller, said, parts.gateway), said);
  const text = evaluated ? { decision: answer.allowed ? "allow" : "block", reason: answer.message, ...answer } : answer;
  return { text: JSON.stringify(text), headers: headersOf(answer) };
}

function headersOf({ decision_id, reason_code, limit, limit_state, ignored }: CheckAnswer): Record<string, string> {
  return {
    [DECISION_HEADER]: decision_id,
    ...(reason_code !== null && { [REASON_HEADER]: reason_code }),
    ...(ignored.length > 0 && { [IGNORED_HEADER]: ignored.join(", ") }),
    ...(limit !== null &&
      limit_state !== null && {
        [BUDGET_HEADER]: budgetHeader(limit.scope, limit_state.remaining, limit_state.resets_at),
      }),
  };
}

function refuse(res: ServerResponse, problem: Problem): void {
  const row = CODES[problem.code];
  // The rest of a body that nobody will read must not be taken for the next request.
  if (!res.req.complete) res.setHeader("connection", "close");
  if (problem.code === "METHOD_NOT_ALLOWED") res.setHeader("allow", "POST");
  send(res, row.status, "application/problem+json", JSON.stringify(problemBody(problem)), {
    [REASON_HEADER]: problem.code,
    ...(row.retry === "soon" && { "retry-after": "1" }),
  });
}

function send(
  res: ServerResponse,
  status: number,
  type: string,
  text: string,
  headers: Record<string, string> = {},
): void {
  const body = Buffer.from(text);
  res.writeHead(status, { "content-type": type, "content-length": body.length, ...headers });
  res.end(body);
}
