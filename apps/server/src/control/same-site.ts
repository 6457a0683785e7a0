import { timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/**
 * Does a page of this installation ask? `Sec-Fetch-Site` says so where the browser sends it: no script can set it, and it holds behind a
 * proxy that asks us under another name. Else `Origin` must be of the host that was asked.
 */
export function isOwnPage(headers: IncomingHttpHeaders): boolean {
  const site = headers["sec-fetch-site"];
  return site !== undefined ? site === "same-origin" : headers.origin !== undefined && isOwnOrigin(headers);
}

/** Does a page of another site ask? A program that is no browser sends neither header, and has no cookie that somebody else's page could use. */
export function isForeignPage(headers: IncomingHttpHeaders): boolean {
  const site = headers["sec-fetch-site"];
  return site !== undefined ? site !== "same-origin" : headers.origin !== undefined && !isOwnOrigin(headers);
}

/** In a time that tells nothing of how much of it was right. */
export function sameText(given: string | string[] | undefined, expected: string): boolean {
  if (typeof given !== "string") return false;
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function isOwnOrigin({ origin = "", host }: IncomingHttpHeaders): boolean {
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}
