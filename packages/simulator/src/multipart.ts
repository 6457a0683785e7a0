import { FieldError, type Fields } from "./fields.ts";

export interface Form {
  /** Text fields; `stream` as a boolean, `simulator` parsed from JSON, as in JSON bodies. */
  readonly fields: Fields;
  readonly file: Buffer | null;
}

function valueOf(name: string, text: string): unknown {
  if (name === "stream") return text === "true";
  if (name !== "simulator") return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new FieldError("simulator", "simulator: expected JSON.");
  }
}

/** Reads a multipart/form-data body (RFC 7578). Throws a FieldError where it is none. */
export function readForm(body: Buffer, contentType: string): Form {
  const boundary = /boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType);
  if (boundary === null)
    throw new FieldError("content-type", "content-type: expected multipart/form-data with a boundary.");
  const delimiter = Buffer.from(`--${boundary[1] ?? boundary[2] ?? ""}`);
  const fields: Record<string, unknown> = {};
  let file: Buffer | null = null;
  let start = body.indexOf(delimiter);
  while (start !== -1) {
    const end = body.indexOf(delimiter, start + delimiter.length);
    if (end === -1) break;
    const head = body.indexOf("\r\n\r\n", start);
    const headers = head === -1 ? "" : body.toString("utf8", start, head);
    const name = /name="([^"]*)"/i.exec(headers)?.[1];
    if (name !== undefined && head < end) {
      const content = body.subarray(head + 4, end - 2);
      if (/filename=/i.test(headers)) file = content;
      else fields[name] = valueOf(name, content.toString("utf8"));
    }
    start = end;
  }
  return { fields, file };
}
