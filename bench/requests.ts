/** What a client of the benchmark sends: the headers of an official client, seven dimensions, and a chat request of 1.5 KB. */

/** Milliseconds between the events of the stream that is asked for; `0`: in bursts; null: no stream. */
export type Spacing = number | null;

export const MODEL = "gpt-4o-mini";
/** Events of one stream: this many pieces of text, then the usage, then `[DONE]`. */
export const STREAM_PIECES = 40;

const SENTENCE =
  "Say in one sentence what changed between the two versions of the contract, and which clause it concerns. ";

/** As the official OpenAI client for Node sends them; with `host`, `content-length` and the dimensions 24 headers. */
const CLIENT_HEADERS = [
  "Accept: application/json",
  "Content-Type: application/json",
  "User-Agent: OpenAI/JS 7.55.0",
  "X-Stainless-Retry-Count: 0",
  "X-Stainless-Lang: js",
  "X-Stainless-Package-Version: 7.55.0",
  "X-Stainless-OS: Linux",
  "X-Stainless-Arch: x64",
  "X-Stainless-Runtime: node",
  "X-Stainless-Runtime-Version: v24.21.0",
  "X-Stainless-Timeout: 600",
  "Authorization: Bearer sk-proj-benchmarkbenchmarkbenchmarkbenchmarkbenchmark",
  "accept-language: *",
  "sec-fetch-mode: cors",
  "accept-encoding: br, gzip, deflate",
];

/** Every call comes with one of each: the benchmark's eight limits all apply to it. `user` names user and session. */
function dimensionHeaders(user: number): string[] {
  return [
    `x-tollhouse-session: session-${user}`,
    `x-tollhouse-user: user-${user}`,
    "x-tollhouse-agent: contract-reader",
    "x-tollhouse-feature: compare-versions",
    "x-tollhouse-service: documents",
    "x-tollhouse-team: legal",
    "x-tollhouse-customer: acme",
  ];
}

function body(spacing: Spacing): string {
  return JSON.stringify({
    model: MODEL,
    messages: [
      { role: "system", content: "You compare contracts for lawyers. You are brief, and you name the clause." },
      { role: "user", content: SENTENCE.repeat(12) },
    ],
    temperature: 0.2,
    max_tokens: 256,
    // Read by the upstream of the benchmark only, to know how it is to stream.
    ...(spacing !== null && { stream: true, stream_options: { include_usage: true }, seed: spacing }),
  });
}

/** Requests of `users` different users as bytes ready to be written, made once; taken in turn. */
export function requestBytes(users: number, spacing: Spacing, first = 0): Buffer[] {
  const text = body(spacing);
  const fixed = [...CLIENT_HEADERS, `content-length: ${Buffer.byteLength(text)}`].join("\r\n");
  return Array.from({ length: users }, (_, user) =>
    Buffer.from(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n${fixed}\r\n` +
        `${dimensionHeaders(first + user).join("\r\n")}\r\n\r\n${text}`,
    ),
  );
}
