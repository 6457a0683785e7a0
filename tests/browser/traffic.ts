import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import type { StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";

const TEAMS = ["search", "support"];

/** Enough that no page is empty: calls of two providers by two teams, and one that its budget refused. */
export async function makeTraffic(world: StartedTollhouse): Promise<void> {
  await world.control("POST", "/api/v1/limits", limitOf("session:broke", "requests", "1"));
  await world.control("POST", "/api/v1/limits", limitOf("team:search", "usd", "25.00"));
  for (let n = 0; n < 6; n++) await callOpenai(world, `run-${n % 3}`, TEAMS[n % 2] ?? "");
  for (let n = 0; n < 3; n++) await callAnthropic(world, `run-${n}`, TEAMS[n % 2] ?? "");
  await callOpenai(world, "broke", "search");
  await callOpenai(world, "broke", "search").catch(() => undefined);
  await world.recorded();
}

function limitOf(scope: string, measure: string, amount: string) {
  return { scope, measure, amount, window: "lifetime", mode: "hard" };
}

function headersOf(session: string, team: string): Record<string, string> {
  return { "x-tollhouse-session": session, "x-tollhouse-team": team, "x-tollhouse-agent": "writer" };
}

async function callOpenai({ url }: StartedTollhouse, session: string, team: string): Promise<void> {
  const client = new OpenAI({
    apiKey: "unused",
    baseURL: `${url}/v1`,
    maxRetries: 0,
    defaultHeaders: headersOf(session, team),
  });
  await client.chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hello" }] });
}

async function callAnthropic({ url }: StartedTollhouse, session: string, team: string): Promise<void> {
  const client = new Anthropic({
    apiKey: "unused",
    baseURL: url,
    maxRetries: 0,
    defaultHeaders: headersOf(session, team),
  });
  await client.messages.create({
    model: "claude-haiku-4-5",
    max_tokens: 50,
    messages: [{ role: "user", content: "Hello" }],
  });
}
