import { GoogleGenAI } from "@google/genai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { all, expectBilled, recordedCalls, sideBySide, type SideBySide } from "./side-by-side.ts";

// Google's own client, with nothing changed but the base URL.

let world: SideBySide;
let through: GoogleGenAI;
let direct: GoogleGenAI;

beforeAll(async () => {
  world = await sideBySide();
  through = new GoogleGenAI({ apiKey: "anything", httpOptions: { baseUrl: world.url } });
  direct = new GoogleGenAI({ apiKey: "direct", httpOptions: { baseUrl: world.twin.url } });
});
afterAll(() => world.stop());

const asked = { model: "gemini-2.5-flash", contents: "Tell me about the river behind the house." };
const functionDeclarations = [{ name: "weather", parametersJsonSchema: { type: "object" } }];

/** What the simulator is told travels in the one place where this client lets a body be extended. */
function config(simulator: Record<string, unknown>, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { ...more, httpOptions: { extraBody: { simulator } } };
}

interface Answer {
  readonly sdkHttpResponse?: { headers?: Record<string, string> };
}

/** The answer without the HTTP response that the client hangs on it, which carries our headers. */
function bare<T extends Answer>(answer: T): unknown {
  return JSON.parse(JSON.stringify({ ...answer, sdkHttpResponse: undefined }));
}

function headersOf(answer: Answer | undefined): Headers {
  return new Headers(answer?.sdkHttpResponse?.headers);
}

test("generateContent is the provider's own, and the ledger has its cost to the nano-dollar", async () => {
  for (const more of [{}, { reasoning_tokens: 50 }, { cached_tokens: 4 }]) {
    const ours = await through.models.generateContent({ ...asked, config: config(more) });
    const theirs = await direct.models.generateContent({ ...asked, config: config(more) });
    expect(bare(ours)).toEqual(bare(theirs));
    expect(ours.text?.length).toBeGreaterThan(0);
    await expectBilled(world, headersOf(ours));
  }
});

test("a function call arrives whole", async () => {
  const called = config({ tool: true }, { tools: [{ functionDeclarations }] });
  const ours = await through.models.generateContent({ ...asked, config: called });
  expect(bare(ours)).toEqual(bare(await direct.models.generateContent({ ...asked, config: called })));
  expect(ours.functionCalls?.[0]?.name).toBe("weather");
});

test("a stream is the provider's, chunk by chunk", async () => {
  const ours = await all(await through.models.generateContentStream(asked));
  const theirs = await all(await direct.models.generateContentStream(asked));
  expect(ours.map(bare)).toEqual(theirs.map(bare));
  expect(ours.length).toBeGreaterThan(2);
  await expectBilled(world, headersOf(ours[0]));
});

test("embedContent is the provider's own, and is billed", async () => {
  const embed = { model: "gemini-embedding-001", contents: ["one river", "two houses"] };
  const ours = await through.models.embedContent(embed);
  expect(bare(ours)).toEqual(bare(await direct.models.embedContent(embed)));
  expect(ours.embeddings).toHaveLength(2);
});

test("countTokens answers as the provider does, and is no call", async () => {
  const before = (await recordedCalls(world)).length;
  const ours = await through.models.countTokens(asked);
  expect(bare(ours)).toEqual(bare(await direct.models.countTokens(asked)));
  expect((await recordedCalls(world)).length).toBe(before);
});

test("the path with its own prefix is the same provider", async () => {
  const prefixed = new GoogleGenAI({ apiKey: "anything", httpOptions: { baseUrl: `${world.url}/gemini` } });
  expect(bare(await prefixed.models.generateContent(asked))).toEqual(bare(await direct.models.generateContent(asked)));
});

test("a chat keeps its history over several turns", async () => {
  const [ours, theirs] = [through.chats.create({ model: asked.model }), direct.chats.create({ model: asked.model })];
  for (const message of ["Hello", "And then?"])
    expect(bare(await ours.sendMessage({ message }))).toEqual(bare(await theirs.sendMessage({ message })));
});
