/**
 * `__Host-`: a browser takes it only with Secure and Path=/ and without Domain, so that no other host of the same domain can set one for us.
 * Chromium and Firefox take it from http://127.0.0.1 and http://localhost too; Safari needs TLS there.
 */
export const SESSION_COOKIE = "__Host-tollhouse";

export interface CookieOptions {
  /** None: also where another site's page posts to us. */
  readonly sameSite?: "Lax" | "None";
  readonly maxAgeS: number;
}

/** A `Set-Cookie` that no script reads. `value`: of characters that need no quoting. */
export function cookieText(name: string, value: string, { sameSite = "Lax", maxAgeS }: CookieOptions): string {
  return `${name}=${value}; Path=/; HttpOnly; Secure; SameSite=${sameSite}; Max-Age=${maxAgeS}`;
}

/** Null: it is not there, or there twice, and nobody can say which is ours. */
export function readCookie(header: string | undefined, name: string): string | null {
  const found = (header ?? "")
    .split(";")
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${name}=`));
  return found.length === 1 ? (found[0] as string).slice(name.length + 1) : null;
}
