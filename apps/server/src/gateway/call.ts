import { randomUUIDv7 } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { IGNORED_HEADER } from "@tollhouse/contract";
import { BadRequest, type Refusal, type Route, type UpstreamRequest } from "@tollhouse/providers";
import { SpoolUnavailable, type CounterState } from "@tollhouse/store";
import { anomalyRefusal, holdSpend } from "../anomalies/anomaly-refusal.ts";
import { correctTokenRate } from "../keys/key-rules.ts";
import { tellRates } from "../keys/rate-headers.ts";
import { refusedBeforeBody, refusedByBlock } from "../blocks/block-refusal.ts";
import { reserveOrDowngrade, secondChance } from "../policies/second-chance.ts";
import { tellPlan } from "../policies/tell-plan.ts";
import { CROWDED } from "../process/node-load.ts";
import { parseJsonBody, readBody } from "./body.ts";
import { chooseCredential } from "./choose-credential.ts";
import { considerRules } from "./consider-call.ts";
import type { ConsideredCall } from "./considered-call.ts";
import { Exchange } from "./exchange.ts";
import type { Gateway } from "./gateway.ts";
import { identify } from "./identify.ts";
import { STALE } from "./limits-unavailable.ts";
import { readMultipart } from "./multipart.ts";
import { buildRefusal, sendRefusal, type RefusalInput } from "./refusal.ts";
import { contextHeaders, ignoredOf, readRequestHeaders, type RequestHeaders } from "./request-headers.ts";
import type { Reservation } from "./reserve-call.ts";
import { recordBlocked } from "./record-blocked.ts";
import type { Credential, Target } from "./upstreams.ts";

/** What is known of one call while it lives. Filled in from top to bottom by `handleCall`; nobody else writes to it. */
export interface Call extends ConsideredCall {
  readonly target: Target;
  readonly route: Route;
  readonly headers: RequestHeaders;
  /** Monotonic, for latencies. */
  readonly startedAt: number;
  /** Whose credential goes upstream; null = none is needed. */
  credential: Credential | null;
  /** The request as it came. */
  raw: Buffer;
  reservation: Reservation;
  /** Counters after the reservation, in the order of `limits`. */
  states: readonly CounterState[];
  /** Monotonic moment at which the request went upstream; 0 = not yet. */
  sentAt: number;
  /** Has its one end been claimed? */
  ended: boolean;
}

/** No provider has longer names; they become labels of reports and fields of ledger entries. */
const MODEL_LENGTH_MAX = 256;

/**
 * The life of one call, in order; only this file knows the order. Each step either goes on or ends the call with an answer:
 * identify → parse → decide → reserve → intent → forward (→ meter → price → outcome → settle, in Exchange and settle-call).
 */
export async function handleCall(
  gateway: Gateway,
  target: Target,
  route: Route,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const call = begin(gateway, target, route, req);
  const refuse = (input: Omit<RefusalInput, "decision">): void => refuseCall(gateway, call, res, input);

  // Identify. Nothing of the body is read for a caller who may not call.
  if (gateway.state.closing) return refuse({ code: "SHUTTING_DOWN", message: "This node is shutting down" });
  if (gateway.stale?.() === true) return refuse({ code: "LIMITS_UNAVAILABLE", message: STALE });
  if (gateway.state.inFlight >= gateway.load.callsMax)
    return refuse({ code: "OVERLOADED", message: gateway.load.refusal });
  const url = req.url as string;
  const question = url.indexOf("?");
  const query = question === -1 ? "" : url.slice(question + 1);
  const identified = identify(call.headers, query, gateway.identity, target.upstream.credential === null);
  const caller = "code" in identified ? identified.caller : identified;
  if (caller !== undefined) {
    call.identity = caller;
    const ignored = ignoredOf(caller, call.headers);
    if (ignored !== null) res.setHeader(IGNORED_HEADER, ignored);
  }
  if ("code" in identified) return refuse(identified);
  if (gateway.load.crowds(identified.tenant)) return refuse({ code: "OVERLOADED", message: CROWDED });
  const stopped = refusedBeforeBody(gateway, call);
  if (stopped !== null) return refuse(stopped);
  const unpaid = chooseCredential(gateway, call);
  if (unpaid !== null) return refuse(unpaid);

  // Parse.
  if (call.headers.contentEncoding !== null)
    return refuse({
      code: "REQUEST_INVALID",
      message: "content-encoding: expected an unencoded body",
      param: "content-encoding",
    });
  const raw = await readBody(req, call.headers.contentLength, gateway.settings.bodyBytesMax, gateway.load);
  if ("code" in raw) return refuse(raw);
  call.raw = raw;
  const body = parseBody(call);
  if ("code" in body) return refuse(body);
  try {
    call.facts = target.upstream.adapter.parseRequest(route, body.value, raw.length, contextHeaders(call.headers));
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error;
    return refuse({ code: "REQUEST_INVALID", message: error.message, param: error.field });
  }

  const { facts } = call;
  if (facts.model.length > MODEL_LENGTH_MAX)
    return refuse({
      code: "REQUEST_INVALID",
      message: `model: expected at most ${MODEL_LENGTH_MAX} characters`,
      param: "model",
    });

  // Decide: the rules that need no store.
  const first = considerRules(gateway, call);
  const block =
    (first === null ? null : await secondChance(gateway, call, body.value, first)) ?? anomalyRefusal(gateway, call);
  tellPlan(call, res);
  tellRates(gateway, call, res);
  if (block !== null) return refuse(block);

  // The body may have taken a minute to arrive: a provider key that was deleted meanwhile is not used.
  const gone = chooseCredential(gateway, call);
  if (gone !== null) return refuse(gone);

  // Reserve: all limits, or none.
  const reserved = await reserveOrDowngrade(gateway, call, body.value);
  if ("code" in reserved) return refuse(reserved);
  call.reservation = reserved;
  holdSpend(gateway, call);

  // What goes upstream is made before the intent: from there on nothing of ours may fail.
  const request = editRequest(gateway, call, body.value);
  if ("code" in request) return refuse(request);

  // Intent: durable before anything leaves. From here on the call has exactly one recorded end.
  const exchange = new Exchange(gateway, call, res);
  try {
    await exchange.writeIntent();
  } catch (error) {
    // Ended meanwhile (a shutdown), and answered by that.
    if (call.ended) return;
    exchange.withdraw();
    gateway.countersOf(call.identity.tenant).release(call.decision);
    if (!(error instanceof SpoolUnavailable)) throw error;
    return refuse({ code: "SPOOL_UNAVAILABLE", message: "The call cannot be recorded right now, so it was not made" });
  }

  // Forward; the exchange meters, prices, settles and answers.
  try {
    // What was stopped while the call was counted and recorded stops it too: it was no running call yet.
    const late = refusedByBlock(gateway, call);
    if (late !== null) exchange.cut(late.code, late.message);
    else exchange.send(request);
  } catch (error) {
    // A bug of ours, behind the intent: the call has its one end all the same, and nothing stays held.
    gateway.failed(error);
    exchange.cut("INTERNAL", "Tollhouse failed; the call was not made", null);
  }
}

/** A request that cannot be edited ends the call before its intent, and gives the reservation back. */
function editRequest(gateway: Gateway, call: Call, body: unknown): UpstreamRequest | Omit<RefusalInput, "decision"> {
  try {
    return call.target.upstream.adapter.editRequest(call.route, body, call.raw, call.reservation.edit);
  } catch (error) {
    gateway.countersOf(call.identity.tenant).release(call.decision);
    if (!(error instanceof BadRequest)) throw error;
    return { code: "REQUEST_INVALID", message: error.message, param: error.field };
  }
}

function begin(gateway: Gateway, target: Target, route: Route, req: IncomingMessage): Call {
  return {
    decision: randomUUIDv7().replaceAll("-", ""),
    provider: target.upstream.name,
    target,
    route,
    headers: readRequestHeaders(req.rawHeaders),
    startedMs: gateway.now(),
    startedAt: performance.now(),
    // Set by handleCall before anything reads them; a call that ends earlier is described by `refuseCall` alone.
    identity: null!,
    facts: null!,
    credential: null,
    raw: null!,
    price: null,
    priced: false,
    estimate: null!,
    limits: [],
    snapshotVersion: 0,
    reservation: null!,
    states: [],
    sentAt: 0,
    rateTokens: 0,
    ended: false,
  };
}

/** Ends a call that has no intent: the answer, one blocked record, one log line. */
function refuseCall(gateway: Gateway, call: Call, res: ServerResponse, input: Omit<RefusalInput, "decision">): void {
  const refusal: Refusal = buildRefusal({ ...input, decision: call.decision });
  correctTokenRate(gateway, call, 0);
  recordBlocked(gateway, call, refusal, input.by);
  // The rest of a body that nobody will read must not be taken for the next request.
  if (!res.req.complete) res.setHeader("connection", "close");
  sendRefusal(res, call.target.upstream.adapter, refusal, call.decision);
}

function parseBody(call: Call): { readonly value: unknown } | Omit<RefusalInput, "decision"> {
  switch (call.route.body) {
    case "json":
      return parseJsonBody(call.raw);
    case "multipart":
      return readMultipart(call.raw, call.headers.contentType);
    case "none":
      return { value: {} };
  }
}
