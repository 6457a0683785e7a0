import { request } from "undici";

export interface OutsideRequest {
  readonly method: "POST" | "PUT";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const ANSWER_MS = 15_000;

/**
 * Sends it once. Resolves when a 2xx came whole; throws with the status otherwise. Follows no redirect: what is signed for one place is not
 * for another.
 */
export async function sendOutside({ url, ...sent }: OutsideRequest, signal: AbortSignal): Promise<void> {
  const { statusCode, body } = await request(url, {
    ...sent,
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
  });
  await body.dump({ limit: 64 * 1024 });
  if (statusCode < 200 || statusCode > 299) throw new Error(`it answered ${statusCode}`);
}
