import type { OwnProviderKey } from "../provider-keys/own-provider-key.ts";
import type { Call } from "./call.ts";
import type { Gateway } from "./gateway.ts";
import type { RefusalInput } from "./refusal.ts";
import type { Credential } from "./upstreams.ts";

/** A shorter one would be found in ordinary words. */
const SECRET_BYTES_MIN = 6;

type Refused = Omit<RefusalInput, "decision">;

/**
 * Whose credential goes upstream: that of the call's own tenant and environment, else the installation's, else the client's. Fills in
 * `credential`; null = on. A provider key that is there and cannot be used refuses the call: nobody else's pays for it unasked.
 */
export function chooseCredential(gateway: Gateway, call: Call): Refused | null {
  const { upstream } = call.target;
  const own = gateway.providerKeys(call.identity).find(upstream.name);
  if (own !== undefined) {
    call.credential = own.credential;
    return own.credential === null ? unusable(own) : null;
  }
  const { passThrough } = call.identity;
  call.credential = upstream.credential ?? (passThrough === null ? null : upstream.credentialOf(passThrough));
  if (call.credential !== null || !upstream.needsCredential) return null;
  return {
    code: "PROVIDER_NOT_CONFIGURED",
    message: `No credential for provider ${upstream.name}: set it in Tollhouse's settings, or send your own`,
  };
}

function unusable({ key: { provider }, state }: OwnProviderKey): Refused {
  const why = state === "origin_changed" ? "was stored for another address of it" : "cannot be decrypted";
  return {
    code: "PROVIDER_NOT_CONFIGURED",
    message: `The provider key of ${provider} ${why}, so it is not used: set it again (PUT /api/v1/provider-keys/${provider}), or delete it`,
  };
}

const REDACTED = Buffer.from("[redacted]");

/** The body of an error of a provider, which may repeat the credential that it did not like: it is not the caller's to know. */
export function withoutCredential(credential: Credential | null, body: Buffer): Buffer {
  const secret = Buffer.from(credential === null ? "" : credential[1].replace(/^Bearer /, ""));
  if (secret.length < SECRET_BYTES_MIN) return body;
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = body.indexOf(secret); at !== -1; at = body.indexOf(secret, from)) {
    parts.push(body.subarray(from, at), REDACTED);
    from = at + secret.length;
  }
  return from === 0 ? body : Buffer.concat([...parts, body.subarray(from)]);
}
