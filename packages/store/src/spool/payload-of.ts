import { PAYLOAD_BYTES_MAX, PAYLOAD_START } from "./frame.ts";
import type { SpoolRecord } from "./records.ts";

/** The record as a frame holds it. Throws where it is longer than a frame may be. */
export function payloadOf(record: SpoolRecord): string {
  const json = JSON.stringify(record);
  // The scan for a torn tail relies on how a payload begins, whatever order the caller built the record in.
  const payload = json.startsWith(PAYLOAD_START) ? json : JSON.stringify(Object.assign({ t: record.t }, record));
  // Length in UTF-16 units bounds the bytes from below; three bytes a unit from above.
  if (payload.length * 3 > PAYLOAD_BYTES_MAX && Buffer.byteLength(payload) > PAYLOAD_BYTES_MAX)
    throw new RangeError(
      `a ${record.t} record of ${payload.length} characters; expected at most ${PAYLOAD_BYTES_MAX} bytes`,
    );
  return payload;
}
