import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ANOMALY_RULES_MAX, type AnomalyRuleCreate } from "@tollhouse/contract";
import { DEFAULT_TENANT, listAnomalyRules, openSpool, type AdminRecord, type Spool } from "@tollhouse/store";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { SAMPLE_MS, sampleGateway, spooled, type SampleGateway } from "../gateway/sample-call.ts";
import { AnomalyService } from "./anomaly-service.ts";

const place = { tenant: DEFAULT_TENANT, environment: "prod" };
const wanted: AnomalyRuleCreate = {
  kind: "loop",
  per: "session",
  threshold: "5",
  window_seconds: 60,
  action: "freeze",
  freeze_seconds: 600,
};

let database: TestDatabase;
let dir: string;
let spool: Spool;
let gateway: SampleGateway;
let service: AnomalyService;

beforeAll(async () => {
  database = await testDatabase();
  dir = mkdtempSync(join(tmpdir(), "tollhouse-anomaly-rules-"));
  spool = await openSpool({ dir });
});
afterAll(async () => {
  await spool.close();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  await database.db.query("DELETE FROM anomaly_rules");
  service = await loaded();
});

/** As a process that starts now finds it. */
async function loaded(written: Pick<Spool, "append"> = spool): Promise<AnomalyService> {
  gateway = sampleGateway({ spool });
  const first = await listAnomalyRules(database.db, place);
  const { monitor } = gateway;
  return new AnomalyService({ ...place, db: database.db, spool: written, monitor, first, now: () => SAMPLE_MS });
}

async function told(subject: string): Promise<string[]> {
  const records = await spooled(gateway);
  return records
    .filter((one): one is AdminRecord => one.t === "admin" && one.subject === subject)
    .map(({ action, actor, before, after }) => `${actor} ${action} ${versionOf(before)}→${versionOf(after)}`);
}

function versionOf(text: string | null): string {
  return text === null ? "-" : String((JSON.parse(text) as { version: number }).version);
}

test("what is made, changed and deleted is in the ledger's spool with before and after, and the same after a restart", async () => {
  const made = await service.create(wanted, "key_9");
  expect(made).toEqual({
    ...wanted,
    id: expect.stringMatching(/^anr_[0-9a-f]{32}$/),
    version: 1,
    triggered: { calls: 0, last: [] },
  });
  const changed = await service.update(made.id, { threshold: "7", window_seconds: 30 }, "key_8");
  expect(changed).toEqual({ ...made, threshold: "7", window_seconds: 30, version: 2 });
  const spend = await service.create(
    { kind: "velocity", per: "user", threshold: "2.5", window_seconds: 60, action: "alert" },
    "key_9",
  );
  expect(spend).toMatchObject({ threshold: "2.500000000", freeze_seconds: null });
  const listed = service.list();
  service = await loaded();
  expect(service.list()).toEqual(listed);
  expect(listed.map(({ id }) => id)).toEqual([made.id, spend.id]);
  await service.remove(made.id, "key_7");
  expect(() => service.get(made.id)).toThrow("There is no anomaly rule");
  service = await loaded();
  expect(service.list().map(({ id }) => id)).toEqual([spend.id]);
  expect(await told(made.id)).toEqual([
    "key_9 anomaly_rule.create -→1",
    "key_8 anomaly_rule.update 1→2",
    "key_7 anomaly_rule.delete 2→-",
  ]);
});

test("a change that makes no rule is refused by its field; a freeze's time goes with the freeze", async () => {
  const { id } = await service.create(wanted, "x");
  await expect(service.update(id, { threshold: "2.5" }, "x")).rejects.toThrow("threshold: expected a whole number");
  await expect(service.update(id, { action: "block", freeze_seconds: 5 }, "x")).rejects.toThrow(
    "freeze_seconds: expected only",
  );
  expect(await service.update(id, { action: "block" }, "x")).toMatchObject({ action: "block", freeze_seconds: null });
  expect(await service.update(id, { action: "freeze" }, "x")).toMatchObject({ freeze_seconds: null });
  expect(await service.update(id, { freeze_seconds: 9 }, "x")).toMatchObject({ freeze_seconds: 9, version: 4 });
});

test("a lost update is refused, and of changes at once each starts from the one before it", async () => {
  const { id } = await service.create(wanted, "x");
  await service.update(id, { threshold: "6" }, "x");
  await expect(service.update(id, { threshold: "9", version: 1 }, "x")).rejects.toThrow("at version 2, not 1");
  await expect(service.update(id, { threshold: "9" }, "x", new Set(['"1"']))).rejects.toThrow("If-Match");
  await expect(service.remove(id, "x", new Set(['"1"']))).rejects.toThrow("If-Match");
  const changes = ["11", "12", "13"].map((threshold) => service.update(id, { threshold }, "x"));
  expect((await Promise.all(changes)).map(({ version }) => version)).toEqual([3, 4, 5]);
  expect(await listAnomalyRules(database.db, place)).toMatchObject([{ threshold: 13n, version: 5 }]);
});

test("what the ledger cannot be told of, or the database refuses, is not in force", async () => {
  const full = { append: () => Promise.reject(new Error("full")) };
  const deaf = await loaded(full);
  await expect(deaf.create(wanted, "x")).rejects.toThrow("full");
  expect([deaf.list(), await listAnomalyRules(database.db, place)]).toEqual([[], []]);
  const { id } = await service.create(wanted, "x");
  await database.db.query("UPDATE anomaly_rules SET version = 7");
  await expect(service.update(id, { threshold: "9" }, "x")).rejects.toThrow("not at version 1");
  await expect(service.remove(id, "x")).rejects.toThrow("not at version 1");
  expect(service.get(id)).toMatchObject({ threshold: "5", version: 1 });
  // Each is said, and taken back.
  expect((await told(id)).slice(1)).toEqual([
    "x anomaly_rule.update 1→2",
    "x anomaly_rule.update 2→1",
    "x anomaly_rule.delete 1→-",
    "x anomaly_rule.create -→1",
  ]);
});

test("an environment has a bounded number of rules", async () => {
  for (let i = 0; i < ANOMALY_RULES_MAX; i++) await service.create(wanted, "x");
  await expect(service.create(wanted, "x")).rejects.toThrow(`at most ${ANOMALY_RULES_MAX} anomaly rules`);
});
