import OpenAI, { AzureOpenAI } from "openai";
import { startSimulator, type Simulator } from "@tollhouse/simulator";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";
import { startRecordingProvider, type ReceivedRequest, type RecordingProvider } from "./recording-provider.ts";
import { all, dollarsOf, lastBilled, recordedCall, recordedCalls } from "./side-by-side.ts";

// Providers that the operator names in tollhouse.yaml, and what exactly reaches them.

let world: StartedTollhouse;
let azure: Simulator;
let provider: RecordingProvider;
beforeAll(async () => {
  azure = await startSimulator({ seed: 5 });
  provider = await startRecordingProvider();
  world = await startedTollhouse({
    yaml: `
providers:
  - { name: azure, base_url: ${azure.url}, dialect: openai, api_key: azure-installed, auth: api-key }
  - { name: local, base_url: ${provider.url}/v1, dialect: openai, prices: free }
  - name: priced
    base_url: ${provider.url}/v1
    dialect: openai
    api_key: sk-installed-key
    prices:
      - { model: local-model, input: "1.50", output: "7" }
`,
  });
});
afterAll(async () => {
  await world.stop();
  await azure.close();
  await provider.close();
});

const messages = [{ role: "user" as const, content: "Hi" }];

function last(): ReceivedRequest {
  return provider.received.at(-1) as ReceivedRequest;
}

function post(path: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(world.url + path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
}

test("Azure's own client works on its classic path, whole and streamed, and is billed by the deployment's model", async () => {
  const client = new AzureOpenAI({ endpoint: `${world.url}/azure`, apiKey: "anything", apiVersion: "2024-10-21" });
  const asked = { model: "our-gpt-4o-mini", messages };
  const whole = await client.chat.completions.create(asked).withResponse();
  expect(whole.data.choices[0]?.message.content?.length).toBeGreaterThan(0);
  const entry = await recordedCall(world, whole.response.headers.get("x-tollhouse-decision") ?? "");
  expect(entry.cost).toBe(dollarsOf(lastBilled(azure).costNano));
  const chunks = await all(await client.chat.completions.create({ ...asked, stream: true }));
  expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("stop");
  const [newest] = await recordedCalls(world);
  expect(newest?.cost).toBe(dollarsOf(lastBilled(azure).costNano));
  expect(azure.credentialOf(lastBilled(azure).callId)).toBe("azure-installed");
});

test("own prices are charged to the nano-dollar, and a free provider costs an explicit zero", async () => {
  const costs = [];
  for (const name of ["priced", "local"]) {
    const client = new OpenAI({ baseURL: `${world.url}/${name}/v1`, apiKey: "anything" });
    const { response } = await client.chat.completions.create({ model: "local-model", messages }).withResponse();
    costs.push((await recordedCall(world, response.headers.get("x-tollhouse-decision") ?? "")).cost);
  }
  // 3 tokens at $1.50 and 1 at $7 a million.
  expect(costs).toEqual(["0.000011500", "0.000000000"]);
});

test("a free provider is allowed under a hard budget that is spent", async () => {
  const limit = { scope: "session:broke", measure: "usd", amount: "0", window: "lifetime", mode: "hard" };
  await world.control("POST", "/api/v1/limits", limit);
  const body = JSON.stringify({ model: "any-local-model", messages });
  expect((await post("/local/v1/chat/completions", body, { "x-session-id": "broke" })).status).toBe(200);
});

test("unknown fields, big integers, odd spacing and escapes reach the provider untouched", async () => {
  const body = `{ "model":"local-model" ,\n "seed": 12345678901234567890123, "x_unknown": {"a":[1.0, 1e400, -0]},
    "__proto__": {"kept": true}, "messages": [{"role":"user","content":"\\u00e9\\ud83c\\udf09 \\/"}], "max_tokens": 5 }`;
  expect((await post("/local/v1/chat/completions", body)).status).toBe(200);
  expect(last().body).toBe(body);
});

test("where a limit makes Tollhouse edit the request, all the rest of it stays as it was", async () => {
  const limit = { scope: "session:edited", measure: "usd", amount: "0.001", window: "lifetime", mode: "hard" };
  await world.control("POST", "/api/v1/limits", limit);
  const seed = `"seed": 12345678901234567890123, "x_unknown": [1.0, 1e400]`;
  const body = `{"model":"local-model", ${seed}, "messages":[{"role":"user","content":"Hi"}], "max_tokens": 120}`;
  await (await post("/priced/v1/chat/completions", body, { "x-session-id": "edited" })).text();
  expect(last().body).not.toBe(body);
  expect(last().body).toContain(seed);
  expect(JSON.parse(last().body)).toMatchObject({
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: 120,
  });
});

test("the provider gets its own key and the headers it reads: nothing of ours, no cookie, no forwarding chain", async () => {
  const body = JSON.stringify({ model: "local-model", messages });
  const answer = await post("/priced/v1/chat/completions", body, {
    authorization: "Bearer sk-of-the-client",
    cookie: "private=1",
    "x-forwarded-for": "10.0.0.1",
    "x-tollhouse-user": "somebody",
    "x-session-id": "private",
    "openai-organization": "org-kept",
    "user-agent": "kept/1",
  });
  const { headers } = last();
  expect(headers.get("authorization")).toBe("Bearer sk-installed-key");
  expect([headers.get("openai-organization"), headers.get("user-agent")]).toEqual(["org-kept", "kept/1"]);
  const sent = JSON.stringify([...headers]);
  for (const hidden of ["sk-of-the-client", "private", "10.0.0.1", "somebody", "tollhouse"])
    expect(sent).not.toContain(hidden);
  expect(answer.headers.get("x-provider-extra")).toBe("kept");
  expect(answer.headers.get("set-cookie")).toBeNull();
  expect(answer.headers.get("x-tollhouse-decision")).toMatch(/^dec_[0-9a-f]{32}$/);
});

test("identity and keys in the query stay with us, and the provider's own parameters go on", async () => {
  const body = JSON.stringify({ model: "local-model", messages });
  const query = `session_id=private&%6bey=${TEST_ADMIN_KEY}&key=${TEST_ADMIN_KEY}&api-version=2024-10-21&a=%2B`;
  expect((await post(`/local/v1/chat/completions?${query}`, body)).status).toBe(200);
  expect(last().url).toBe("/v1/chat/completions?api-version=2024-10-21&a=%2B");
  expect((await post("/local/v1/chat/completions?session_id=private", body)).status).toBe(200);
  expect(last().url).toBe("/v1/chat/completions");
  expect((await recordedCalls(world, "session=private")).length).toBeGreaterThan(0);
});

test("a provider that nobody configured, and a path it does not have, are told as such", async () => {
  for (const path of [
    "/groq/v1/chat/completions",
    "/local/v1/unknown",
    "/azure/openai/deployments/../chat/completions",
  ]) {
    const answer = await post(path, "{}");
    expect([path, answer.status, answer.headers.get("x-tollhouse-reason")]).toEqual([path, 404, "ENDPOINT_UNKNOWN"]);
  }
});
