import type { IncomingMessage, ServerResponse } from "node:http";
import { type Bill, billLineJson } from "./bill.ts";
import type { FaultPlan } from "./fault-plan.ts";
import { readFault } from "./fault.ts";
import { FieldError, isFields } from "./fields.ts";

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

function setFault(faults: FaultPlan, raw: Buffer): void {
  let body: unknown;
  try {
    body = JSON.parse(raw.toString("utf8"));
  } catch {
    throw new FieldError("body", "body: expected JSON.");
  }
  if (!isFields(body)) throw new FieldError("body", "body: expected an object with match and fault.");
  const match = body["match"] ?? null;
  if (match !== null && typeof match !== "string") throw new FieldError("match", "match: expected text or null.");
  faults.set(match, readFault(body["fault"]));
}

/** The simulator's own paths, below `/simulator/`: read the bill, set faults, clear both. No credential: it is a test tool. */
export function handleControl(
  bill: Bill,
  faults: FaultPlan,
  request: IncomingMessage,
  response: ServerResponse,
  raw: Buffer,
): void {
  const asked = `${request.method ?? ""} ${request.url ?? ""}`;
  try {
    if (asked === "GET /simulator/bill") {
      answer(
        response,
        200,
        "application/x-ndjson",
        bill
          .all()
          .map((line) => `${billLineJson(line)}\n`)
          .join(""),
      );
    } else if (asked === "POST /simulator/fault") {
      setFault(faults, raw);
      answer(response, 200, "application/json", "{}");
    } else if (asked === "POST /simulator/clear") {
      faults.clear();
      bill.clear();
      answer(response, 200, "application/json", "{}");
    } else {
      answer(response, 404, "application/json", JSON.stringify({ error: `${asked}: no such control path` }));
    }
  } catch (error) {
    if (!(error instanceof FieldError) && !(error instanceof RangeError)) throw error;
    answer(response, 400, "application/json", JSON.stringify({ error: error.message }));
  }
}
