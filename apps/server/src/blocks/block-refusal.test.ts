import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSpool, type Block, type Spool, type SpoolRecord } from "@tollhouse/store";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { handleCall } from "../gateway/call.ts";
import { SAMPLE_MS, sampleCall, sampleGateway, spooled, type SampleGateway } from "../gateway/sample-call.ts";
import { BlockSnapshot } from "./block-snapshot.ts";

// Between the looks of a call something may be stopped: wherever that happens, nothing leaves any more.

const body = { model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }] };
const place = { id: "kill_1", reason: "r", operator: "x", createdMs: SAMPLE_MS, expiresMs: null };
const NONE = BlockSnapshot.of([]);
const PULLED = BlockSnapshot.of([{ ...place, kind: "kill_switch", scope: "agent:a" } satisfies Block]);

let dir: string;
let spool: Spool;
let server: Server | null = null;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "tollhouse-late-"));
  spool = await openSpool({ dir });
});
afterEach(() => void server?.close());
afterAll(async () => {
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Makes one call of agent `a`; `pulled` is asked at each look, `arrives` told when its request is there. */
async function callOnce(pulled: () => boolean, arrives: (req: IncomingMessage) => void): Promise<Ended> {
  const gateway: SampleGateway = { ...sampleGateway({ spool }), blocks: () => (pulled() ? PULLED : NONE) };
  const { target, route } = sampleCall(gateway, { body });
  const made = createServer((req, res) => {
    void handleCall(gateway, target, route, req, res);
    arrives(req);
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  const { port } = made.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
    method: "POST",
    headers: { "x-tollhouse-agent": "a", connection: "close" },
    body: JSON.stringify(body),
  });
  await answer.text();
  const decision = (answer.headers.get("x-tollhouse-decision") ?? "").slice("dec_".length);
  const records = (await spooled(gateway)).filter((one) => "decision" in one && one.decision === decision);
  expect([gateway.failures, gateway.state.inFlight, gateway.counters.pendingCount]).toEqual([[], 0, 0]);
  return { status: answer.status, records };
}

interface Ended {
  readonly status: number;
  readonly records: readonly SpoolRecord[];
}

test("pulled before it came: refused, and its body never looked at", async () => {
  const { status, records } = await callOnce(
    () => true,
    () => undefined,
  );
  expect(status).toBe(451);
  expect(records).toMatchObject([{ t: "blocked", reason: "KILL_SWITCH_ACTIVE", model: "" }]);
});

test("pulled while its body arrives: refused, and nothing was recorded as begun", async () => {
  let pulled = false;
  const { status, records } = await callOnce(
    () => pulled,
    (req) => req.once("data", () => (pulled = true)),
  );
  expect(status).toBe(451);
  expect(records).toMatchObject([{ t: "blocked", reason: "KILL_SWITCH_ACTIVE", model: "gpt-4o-mini" }]);
});

test("pulled while its intent is written: nothing is sent, and the intent has its end at no cost", async () => {
  const before = spool.state().bytes;
  const { status, records } = await callOnce(
    () => spool.state().bytes > before,
    () => undefined,
  );
  expect(status).toBe(451);
  expect(records).toMatchObject([
    { t: "intent" },
    { t: "outcome", end: "released", reason: "KILL_SWITCH_ACTIVE", cost: "0" },
  ]);
});
