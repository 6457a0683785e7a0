/** As undici hands them: name, value, name, value …, as Buffers. */
export type RawHeaders = readonly (Buffer | string)[];

/** Of a provider's answer, what the client gets: everything but what describes the hop, the encoding or somebody's cookies. */
const DROPPED = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "content-length",
  "set-cookie",
  "alt-svc",
  "strict-transport-security",
  "access-control-allow-origin",
  "date",
]);

/** `withoutType`: the body is of another type than the provider's (an assembled answer). Returns strings ready for `writeHead`. */
export function forwardedHeaders(raw: RawHeaders, withoutType: boolean): string[] {
  const out: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = latin1(raw[i] as Buffer | string);
    const lower = name.toLowerCase();
    // Our own names are ours alone: a provider (or somebody in between) cannot speak in them.
    if (DROPPED.has(lower) || lower.startsWith("x-tollhouse-")) continue;
    if (withoutType && lower === "content-type") continue;
    out.push(name, latin1(raw[i + 1] as Buffer | string));
  }
  return out;
}

export function headerOf(raw: RawHeaders, wanted: string): string | null {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = latin1(raw[i] as Buffer | string);
    if (name.length === wanted.length && name.toLowerCase() === wanted) return latin1(raw[i + 1] as Buffer | string);
  }
  return null;
}

/** The few headers that an adapter reads usage by. */
export function usageHeaders(raw: RawHeaders): Record<string, string | undefined> {
  return { "x-gemini-service-tier": headerOf(raw, "x-gemini-service-tier") ?? undefined };
}

/** Is the body compressed? */
export function isEncoded(raw: RawHeaders): boolean {
  const encoding = headerOf(raw, "content-encoding") ?? "";
  return encoding !== "" && encoding.toLowerCase() !== "identity";
}

function latin1(text: Buffer | string): string {
  return typeof text === "string" ? text : text.toString("latin1");
}
