interface Snippet {
  readonly client: string;
  /** `origin`: where this Tollhouse is; `key`: the secret, or what stands for it. */
  readonly code: (origin: string, key: string) => string;
}

/** Quoted by themselves, so that nobody takes an import of a snippet for one of this file. */
const PACKAGES = { openai: '"openai"', anthropic: '"@anthropic-ai/sdk"', gemini: '"@google/genai"' };

/** How each client is pointed here. The session is there to be copied: attribution begins with it. */
export const SNIPPETS: readonly Snippet[] = [
  {
    client: "OpenAI, Python",
    code: (origin, key) => `from openai import OpenAI

client = OpenAI(
    base_url="${origin}/v1",
    api_key="${key}",
    default_headers={"x-tollhouse-session": "run-42"},
)
answer = client.chat.completions.create(
    model="gpt-4o-mini",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)`,
  },
  {
    client: "OpenAI, TypeScript",
    code: (origin, key) => `import OpenAI from ${PACKAGES.openai};

const client = new OpenAI({
  baseURL: "${origin}/v1",
  apiKey: "${key}",
  defaultHeaders: { "x-tollhouse-session": "run-42" },
});
const answer = await client.chat.completions.create({
  model: "gpt-4o-mini",
  messages: [{ role: "user", content: "Hello" }],
});
console.log(answer.choices[0]?.message.content);`,
  },
  {
    client: "Anthropic, Python",
    code: (origin, key) => `from anthropic import Anthropic

client = Anthropic(
    base_url="${origin}",
    api_key="${key}",
    default_headers={"x-tollhouse-session": "run-42"},
)
answer = client.messages.create(
    model="claude-haiku-4-5",
    max_tokens=200,
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.content)`,
  },
  {
    client: "Anthropic, TypeScript",
    code: (origin, key) => `import Anthropic from ${PACKAGES.anthropic};

const client = new Anthropic({
  baseURL: "${origin}",
  apiKey: "${key}",
  defaultHeaders: { "x-tollhouse-session": "run-42" },
});
const answer = await client.messages.create({
  model: "claude-haiku-4-5",
  max_tokens: 200,
  messages: [{ role: "user", content: "Hello" }],
});
console.log(answer.content);`,
  },
  {
    client: "Gemini, Python",
    code: (origin, key) => `from google import genai

client = genai.Client(
    api_key="${key}",
    http_options={
        "base_url": "${origin}",
        "headers": {"x-tollhouse-session": "run-42"},
    },
)
answer = client.models.generate_content(model="gemini-2.5-flash", contents="Hello")
print(answer.text)`,
  },
  {
    client: "Gemini, TypeScript",
    code: (origin, key) => `import { GoogleGenAI } from ${PACKAGES.gemini};

const client = new GoogleGenAI({
  apiKey: "${key}",
  httpOptions: {
    baseUrl: "${origin}",
    headers: { "x-tollhouse-session": "run-42" },
  },
});
const answer = await client.models.generateContent({ model: "gemini-2.5-flash", contents: "Hello" });
console.log(answer.text);`,
  },
  {
    client: "curl",
    code: (origin, key) => `curl ${origin}/v1/chat/completions \\
  -H "authorization: Bearer ${key}" \\
  -H "content-type: application/json" \\
  -H "x-tollhouse-session: run-42" \\
  -d '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}'`,
  },
];
