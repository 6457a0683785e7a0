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

/** Names as providers write them, and whether they go on: looked at once each. */
const SPELLINGS = new Map<string, boolean>();
const SPELLINGS_MAX = 1_000;

function isForwarded(name: string): boolean {
  const known = SPELLINGS.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  // Our own names are ours alone: a provider (or somebody in between) cannot speak in them.
  const forwarded = !DROPPED.has(lower) && !lower.startsWith("x-tollhouse-");
  if (SPELLINGS.size >= SPELLINGS_MAX) SPELLINGS.clear();
  SPELLINGS.set(name, forwarded);
  return forwarded;
}

/** `withoutType`: the body is of another type than the provider's (an assembled answer). Returns strings ready for `writeHead`. */
export function forwardedHeaders(raw: RawHeaders, withoutType: boolean): string[] {
  const out: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = latin1(raw[i] as Buffer | string);
    if (!isForwarded(name) || (withoutType && name.toLowerCase() === "content-type")) continue;
    out.push(name, latin1(raw[i + 1] as Buffer | string));
  }
  return out;
}

export function headerOf(raw: RawHeaders, wanted: string): string | null {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as Buffer | string;
    // A byte is a character here: most names are told apart by their length, before they are made a string.
    if (name.length === wanted.length && latin1(name).toLowerCase() === wanted)
      return latin1(raw[i + 1] as Buffer | string);
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
