const FNV_OFFSET = 0x6c62272e07bb014262b821756295c58dn;
const FNV_PRIME = 0x0000000001000000000000000000013bn;
const MASK = (1n << 128n) - 1n;
/** Crockford's base 32: no letter that is taken for a digit. */
const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
const DIGITS_COUNT = 26;

/**
 * `lim_` and 26 digits: FNV-1a of 128 bits over the scope's UTF-8. The same scope has the same id on every node and after
 * every restart. Not a secret hash: whoever may choose session names and can search for collisions could make two sessions
 * share one budget. Where clients are hostile, pass `createLimitSnapshot` a keyed hash instead.
 */
export function derivedLimitId(scope: string): string {
  let hash = FNV_OFFSET;
  for (const byte of new TextEncoder().encode(scope)) hash = ((hash ^ BigInt(byte)) * FNV_PRIME) & MASK;
  let digits = "";
  for (let i = 0; i < DIGITS_COUNT; i++, hash >>= 5n) digits = DIGITS.charAt(Number(hash & 31n)) + digits;
  return `lim_${digits}`;
}
