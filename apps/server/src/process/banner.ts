export interface BannerParts {
  readonly address: string;
  /** In clear only at the start that made it; null afterwards. */
  readonly adminKeyMade: string | null;
  readonly auth: "open" | "required";
  readonly startedInMs: number;
  readonly database: string;
}

/** What a person sees at the start: where it is, the admin key (once), and the lines to paste into a client. */
export function banner(parts: BannerParts): string {
  const key =
    parts.adminKeyMade === null ? "" : `\n  Admin key (shown this once, keep it):\n    ${parts.adminKeyMade}\n`;
  const who = parts.auth === "open" ? "no key needed from this machine" : "calls carry the admin key";
  return `
  Tollhouse is ready at ${parts.address}   (${(parts.startedInMs / 1000).toFixed(1)} s, ${parts.database}, ${who})
${key}
  Point a client at it by its base URL alone:
    OPENAI_BASE_URL=${parts.address}/v1
    ANTHROPIC_BASE_URL=${parts.address}
    GOOGLE_GEMINI_BASE_URL=${parts.address}

  See it and steer it in a browser; the admin key makes its first owner:
    ${parts.address}/dashboard

  Give a session a budget, and see what was spent:
    curl -H "Authorization: Bearer $ADMIN_KEY" -H "content-type: application/json" ${parts.address}/api/v1/limits \\
      -d '{"scope":"session:run-42","measure":"usd","amount":"25.00","window":"lifetime","mode":"hard"}'
    curl -H "Authorization: Bearer $ADMIN_KEY" "${parts.address}/api/v1/usage?group_by=model,session"

`;
}
