import { sdkLogSchema, sdkRecordSchema, SDK_BOUNDS, type SdkRecord } from "@tollhouse/contract";
import { SpoolUnavailable } from "@tollhouse/store";
import { parseInput, reasonOf } from "../control/control-api.ts";
import { Problem, problemBody } from "../control/problem.ts";
import type { Identity } from "../gateway/identify.ts";
import type { Place } from "../place.ts";
import type { PayloadService, SealedPayload } from "./payload-service.ts";
import type { ChecksElsewhere } from "./checks-elsewhere.ts";
import type { OpenCheck } from "./open-checks.ts";
import { isOwnCheck, openCheckOf, readRecord, type RecordedCall, type RecordParts } from "./read-record.ts";
import { bodyHash, onceName, type OnceName, type RecordOnce } from "./record-once.ts";
import { recordUsage } from "./record-usage.ts";
import { identityOf, type SdkCaller } from "./sdk-caller.ts";
import { spelled, wrong, type JsonObject } from "./spellings.ts";

export interface RecordCallParts extends RecordParts {
  readonly once: RecordOnce;
  /** Null: there is no other node. */
  readonly elsewhere: ChecksElsewhere | null;
  payloads(place: Place): PayloadService;
}

/** What differs between the endpoints that record. */
export interface RecordKind {
  /** `/sdk/log`: request and response may be kept. */
  readonly payloads: boolean;
  /** `/usage`: counts may stand beside the other fields. */
  readonly flatUsage: boolean;
}

/** The JSON text of the answer: that of the first time, where it was recorded before. Throws a Problem. */
export async function recordCall(
  parts: RecordCallParts,
  caller: SdkCaller,
  kind: RecordKind,
  body: JsonObject,
  header: string | null,
): Promise<string> {
  const said = parseInput<SdkRecord>(kind.payloads ? sdkLogSchema : sdkRecordSchema, spelled(body, kind.flatUsage));
  // The caller's own identity names a record, not its check's: that is gone when the same record is sent again.
  const identity = identityOf(caller, said, parts.gateway);
  const names = namesOf(identity, said, idempotencyKey(said, header));
  const { idempotency_key: _, ...what } = said;
  const hash = bodyHash([what, identity.dimensions]);
  // A check that is open here has not been recorded by this node or a process before, and has one entry whoever records it; a key may have been used
  // for something else.
  const fresh = openCheckOf(parts, identity, said) !== null && names.length === 1;
  try {
    return await parts.once.run(identity, names, hash, fresh, async (each, of) => {
      const call = readRecord(parts, identity, said, await checkElsewhere(parts, identity, said));
      return await recordUsage(parts, call, each, of, kind.payloads ? payloadOf(parts, call) : null);
    });
  } catch (error) {
    if (error instanceof SpoolUnavailable)
      throw new Problem("SPOOL_UNAVAILABLE", "The usage cannot be recorded right now, so it was not: send it again");
    throw error;
  }
}

/** `{"records": […]}`: each its own record, with its own key; one that is refused does not keep the others from being recorded. */
export async function recordBatch(
  parts: RecordCallParts,
  caller: SdkCaller,
  kind: RecordKind,
  body: JsonObject,
): Promise<string> {
  const { records, ...rest } = body;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw wrong(unknown, "unknown field beside records");
  if (!Array.isArray(records) || records.length === 0 || records.length > SDK_BOUNDS.records)
    throw wrong("records", `expected an array of 1 to ${SDK_BOUNDS.records} records`);
  if (caller.idempotencyKey !== null)
    throw wrong("idempotency-key", "expected an idempotency_key in each record of a batch, and no header");
  const results = await Promise.all(
    records.map(async (record: unknown, index) => {
      try {
        if (typeof record !== "object" || record === null || Array.isArray(record))
          throw wrong(`records.${index}`, "expected an object");
        return `{"index":${index},${(await recordCall(parts, caller, kind, record as JsonObject, null)).slice(1)}`;
      } catch (error) {
        const problem = reasonOf(error);
        if (problem.code === "INTERNAL") parts.gateway.failed(error);
        return JSON.stringify({ index, recorded: false, error: problemBody(problem) });
      }
    }),
  );
  const failed = results.filter((result) => result.includes('"recorded":false')).length;
  return `{"recorded":${results.length - failed},"failed":${failed},"results":[${results.join(",")}]}`;
}

/** The check that a record names, where another node has made it. */
async function checkElsewhere(parts: RecordCallParts, identity: Identity, said: SdkRecord): Promise<OpenCheck | null> {
  if (parts.elsewhere === null || said.decision_id === undefined || isOwnCheck(parts, identity, said)) return null;
  try {
    return await parts.elsewhere.find(identity, said.decision_id.slice(4));
  } catch (error) {
    parts.gateway.failed(error);
    throw new Problem("LIMITS_UNAVAILABLE", "The check cannot be looked up right now; nothing was recorded");
  }
}

function idempotencyKey(said: SdkRecord, header: string | null): string | null {
  if (header !== null && said.idempotency_key !== undefined && header !== said.idempotency_key)
    throw wrong("idempotency_key", "expected the same in the header and in the body");
  return said.idempotency_key ?? header;
}

/** A check is recorded once, with or without a key; and what a key was used for, by whoever sent it. */
function namesOf(identity: Identity, said: SdkRecord, key: string | null): OnceName[] {
  const { tenant, environment } = identity;
  return [
    ...(key === null ? [] : [onceName("The idempotency key", "key", tenant, environment, identity.key ?? "", key)]),
    ...(said.decision_id === undefined ? [] : [onceName("The check", "check", tenant, environment, said.decision_id)]),
  ];
}

function payloadOf(parts: RecordCallParts, { identity, said }: RecordedCall): SealedPayload | null {
  return parts.payloads(identity).seal(identity.environment, { request: said.request, response: said.response });
}
