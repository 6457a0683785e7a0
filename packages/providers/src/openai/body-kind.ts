/**
 * What an answer is, by its first byte that is no white space. A host may answer a stream request with one JSON body, and
 * speech is raw audio; a server-sent event stream begins with a field's name, a comment or a byte order mark.
 */
export function bodyKind(chunk: Buffer): "unknown" | "sse" | "json" | "other" {
  for (const byte of chunk) {
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) continue;
    if (byte === 0x7b || byte === 0x5b) return "json";
    return SSE_FIRST_BYTES.has(byte) ? "sse" : "other";
  }
  return "unknown";
}

const SSE_FIRST_BYTES: ReadonlySet<number> = new Set([...Buffer.from("deir:"), 0xef]);
