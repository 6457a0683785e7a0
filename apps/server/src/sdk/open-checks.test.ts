import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSpool, type Spool } from "@tollhouse/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sampleCall, sampleGateway, SAMPLE_MS, type SampleGateway } from "../gateway/sample-call.ts";
import { NodeLoad } from "../process/node-load.ts";
import { OpenChecks, type OpenCheck } from "./open-checks.ts";

const dir = mkdtempSync(join(tmpdir(), "tollhouse-checks-"));
let spool: Spool;
beforeAll(async () => {
  spool = await openSpool({ dir });
});
afterAll(async () => {
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
});

function gatewayOf(callers: readonly string[]): SampleGateway {
  const load = new NodeLoad({ callsInFlightMax: 100, bodyBytesMax: 1_000, tenantSharePercent: 1 });
  for (const tenant of callers) load.crowds(tenant);
  return { ...sampleGateway({ spool }), load };
}

/** A hundredth of the checks that there may be. */
const SHARE = 1_000;

function checksOf(gateway: SampleGateway, tenant: string, count: number): OpenCheck[] {
  const call = sampleCall(gateway, { body: { model: "gpt-4o-mini", messages: [] } });
  const of = { ...call, identity: { ...call.identity, tenant } };
  return Array.from({ length: count }, (_, n) => ({
    decision: `${tenant}-${n}`,
    call: of,
    expiresMs: SAMPLE_MS + 3_600_000,
    usd: 0n,
    tokens: 0n,
  }));
}

test("beside others, a tenant has its share of the open checks, and one that ends makes room for one", () => {
  const gateway = gatewayOf(["acme", "bolt"]);
  const checks = new OpenChecks(gateway);
  const made = checksOf(gateway, "acme", SHARE);
  for (const check of made) checks.add(check);
  expect([checks.size, checks.fullFor("acme"), checks.fullFor("bolt")]).toEqual([SHARE, true, false]);
  const [first] = made as [OpenCheck];
  checks.take(first);
  // A check that is taken twice was open once.
  checks.take(first);
  expect([checks.size, checks.fullFor("acme")]).toEqual([SHARE - 1, false]);
  checks.add(first);
  expect(checks.fullFor("acme")).toBe(true);
  checks.close();
});

test("alone, a tenant is held to no share", () => {
  const gateway = gatewayOf(["acme"]);
  const checks = new OpenChecks(gateway);
  for (const check of checksOf(gateway, "acme", SHARE)) checks.add(check);
  expect(checks.fullFor("acme")).toBe(false);
  checks.close();
});
