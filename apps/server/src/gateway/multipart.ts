import type { BodyRefusal } from "./body.ts";

/**
 * Reads the fields of a multipart/form-data body without copying its files: text parts by name, and the byte length of file
 * parts under `<name>.bytes`. The body itself goes upstream untouched; this is only for its facts (RFC 7578). Whatever two
 * readers could understand differently is refused: the provider must not see another model than the one that was priced.
 */
export function readMultipart(
  raw: Buffer,
  contentType: string,
): { readonly value: Record<string, unknown> } | BodyRefusal {
  const boundary = boundaryOf(contentType);
  if (boundary === null)
    return { code: "REQUEST_INVALID", message: "content-type: expected multipart/form-data with a boundary" };
  const fields: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  if (!raw.subarray(0, delimiter.length - 2).equals(delimiter.subarray(2))) return NOT_WELL_FORMED;
  let at = delimiter.length - 2;
  for (let parts = 0; parts <= PARTS_MAX; parts++) {
    if (raw[at] === 0x2d && raw[at + 1] === 0x2d) return { value: fields };
    const headEnd = raw.indexOf("\r\n\r\n", at);
    // From the last CRLF of the head on: an empty part's delimiter begins there.
    const next = headEnd === -1 ? -1 : raw.indexOf(delimiter, headEnd + 2);
    if (next === -1 || raw[at] !== 0x0d || raw[at + 1] !== 0x0a) break;
    if (!readPart(fields, raw, { headAt: at, start: headEnd + 4, end: Math.max(headEnd + 4, next) })) break;
    at = next + delimiter.length;
  }
  return NOT_WELL_FORMED;
}

const NOT_WELL_FORMED: BodyRefusal = { code: "REQUEST_INVALID", message: "The multipart body is not well formed" };
const PARTS_MAX = 100;
const FIELD_BYTES_MAX = 1024 * 1024;

/** RFC 2046 §5.1.1: at most 70 characters. Null where it is missing, named twice, or of characters that need no reading. */
function boundaryOf(contentType: string): string | null {
  if (!/^multipart\/form-data *;/i.test(contentType)) return null;
  const named = [...contentType.matchAll(/; *boundary=(?:"([^"\\]{1,70})"|([^";\s]{1,70}))(?=[;\s]|$)/gi)];
  const [only] = named;
  if (only === undefined || named.length > 1 || contentType.split(/boundary\*?\d*\*?=/i).length > 2) return null;
  return only[1] ?? only[2] ?? null;
}

interface Part {
  readonly headAt: number;
  readonly start: number;
  readonly end: number;
}

/** False where the part has no one plain name, or a name that was there already (but for lists, `name[]`). */
function readPart(fields: Record<string, unknown>, raw: Buffer, { headAt, start, end }: Part): boolean {
  const lines = raw.toString("utf8", headAt, start).split("\r\n");
  const dispositions = lines.filter((line) => /^content-disposition\s*:/i.test(line));
  const disposition = dispositions[0] ?? "";
  const names = [...disposition.matchAll(/; *name="([^"\\]*)"/gi)];
  const name = names[0]?.[1];
  if (name === undefined || dispositions.length > 1 || /;\s*name\s*(?:\*|=\s*[^"\s])/i.test(disposition)) return false;
  if (names.length > 1 || lines.some((line) => /^\s+\S/.test(line))) return false;
  if (name in fields && !name.endsWith("[]")) return false;
  const isFile = /;\s*filename\*?\s*=/i.test(disposition) || end - start > FIELD_BYTES_MAX;
  fields[name] = isFile ? { bytes: end - start } : raw.toString("utf8", start, end);
  return true;
}
