import { expect, test } from "vitest";
import { banner } from "./banner.ts";

const parts = {
  address: "http://127.0.0.1:8787",
  adminKeyMade: null,
  auth: "open",
  startedInMs: 1_234,
  database: "embedded PostgreSQL",
} as const;

test("says where it is, how long it took, and what to paste into each client", () => {
  const text = banner(parts);
  expect(text).toContain("Tollhouse is ready at http://127.0.0.1:8787   (1.2 s, embedded PostgreSQL, no key needed");
  expect(text).toContain("OPENAI_BASE_URL=http://127.0.0.1:8787/v1\n");
  expect(text).toContain("ANTHROPIC_BASE_URL=http://127.0.0.1:8787\n");
  expect(text).toContain("GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:8787\n");
  expect(text).toContain("http://127.0.0.1:8787/dashboard\n");
});

test("the admin key is shown at the start that made it, once, and never again", () => {
  expect(banner({ ...parts, adminKeyMade: "th_admin_secret" }).split("th_admin_secret")).toHaveLength(2);
  expect(banner(parts)).not.toContain("Admin key");
});

test("keys that are required are named", () => {
  expect(banner({ ...parts, auth: "required" })).toContain("calls carry the admin key");
});

test("the body of its example is a limit that the API takes", async () => {
  const { limitCreateSchema } = await import("@tollhouse/contract");
  const example = /-d '(.*)'/.exec(banner(parts))?.[1] ?? "";
  expect(limitCreateSchema.safeParse(JSON.parse(example)).success).toBe(true);
});
