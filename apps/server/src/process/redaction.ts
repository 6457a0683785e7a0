const REDACTED = "[redacted]";
/** Shorter secrets are not looked for: they would turn ordinary words into "[redacted]". Provider keys have 20 and more. */
const SECRET_LENGTH_MIN = 6;
/** Keys of others that pass through us (a client's own provider key in an error text), told by their form. */
const FORMS = ["\\b(?:sk-|th_|gsk_|xai-)[\\w-]{16,}", "\\bAIza[\\w-]{20,}", "\\b[Bb]earer\\s+[^\\s\"']{8,}"];
const FORM_LENGTH_MIN = 15;

/** Secrets that come and go while the process runs. Looked for one by one: for the few lines that are no line of a call. */
export function redactEach(text: string, secrets: Iterable<string>): string {
  let redacted = text;
  for (const secret of secrets) if (redacted.includes(secret)) redacted = redacted.replaceAll(secret, () => REDACTED);
  return redacted;
}

/**
 * Replaces every known secret, and whatever looks like a key, in a text. Works on values and not on whole lines, so that a
 * secret can never be hidden by an escape, and texts shorter than any secret cost one comparison.
 */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const known = [...new Set(secrets)].filter((secret) => secret.length >= SECRET_LENGTH_MIN);
  // Longest first: of a secret inside another one, the longer has to match.
  known.sort((a, b) => b.length - a.length);
  const shortest = Math.min(FORM_LENGTH_MIN, ...known.map((secret) => secret.length));
  const pattern = new RegExp([...known.map((secret) => secret.replace(/[^\w]/g, "\\$&")), ...FORMS].join("|"), "g");
  return (text) => (text.length < shortest ? text : text.replace(pattern, REDACTED));
}
