/** An `http` target in absolute form (RFC 9112 §3.2.2): its authority, and what follows it. */
const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/is;

/** What a request asks for, and the host that it names beside its Host header; null = none. */
export interface RequestTarget {
  /** In origin form. */
  readonly url: string;
  readonly authority: string | null;
}

/**
 * A server takes the absolute form too, as proxies send it (RFC 9112 §3.2.2). Null: it names no host, or a user before it, which nobody
 * may send (RFC 9110 §4.2.4) and which would let another host look like this machine. Anything else is left as it came.
 */
export function readTarget(target: string): RequestTarget | null {
  if (target.startsWith("/")) return { url: target, authority: null };
  const [, authority, rest] = ABSOLUTE.exec(target) ?? [];
  if (authority === undefined || rest === undefined) return { url: target, authority: null };
  if (authority === "" || authority.includes("@")) return null;
  return { url: rest.startsWith("/") ? rest : `/${rest}`, authority };
}
