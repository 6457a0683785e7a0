import { loadSettings, startTollhouse } from "@tollhouse/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";

// The keys that the ledger is MACed by: rotated while calls go on, and lost.

interface Rotated {
  readonly sequence: number;
  readonly mac_key: number;
  readonly previous_mac_key: number;
}

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse();
});
afterAll(() => world.stop());

async function call(): Promise<number> {
  const response = await fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tollhouse-session": "run-1" },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 5 }),
  });
  await response.text();
  return response.status;
}

test("keys are rotated while calls go on: none fails, each rotation is the next key's, and the chain verifies", async () => {
  const rotations: Rotated[] = [];
  let stop = false;
  const statuses: number[] = [];
  const callers = Array.from({ length: 4 }, async () => {
    while (!stop) statuses.push(await call());
  });
  for (let n = 0; n < 5; n++) {
    const before = statuses.length;
    rotations.push(await world.control<Rotated>("POST", "/api/v1/ledger/rotate-key"));
    for (const until = Date.now() + 10_000; statuses.length < before + 5 && Date.now() < until;) await call();
  }
  stop = true;
  await Promise.all(callers);
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(rotations.map(({ mac_key, previous_mac_key }) => [previous_mac_key, mac_key])).toEqual([
    [1, 2],
    [2, 3],
    [3, 4],
    [4, 5],
    [5, 6],
  ]);
  const verified = await world.control<{ result: string; entries: number }>("POST", "/api/v1/ledger/verify", {});
  expect(verified.result).toBe("PASS");
  expect(verified.entries).toBeGreaterThan((rotations.at(-1) as Rotated).sequence);
});

test("the audit lists who rotated, and when", async () => {
  const { changes } = await world.control<{ changes: { actor: string; subject: string; sequence: number }[] }>(
    "GET",
    "/api/v1/audit?action=ledger_key.rotate",
  );
  expect(changes).toHaveLength(5);
  expect(changes[0]).toMatchObject({ actor: "admin-key", subject: "ledger-mac-key" });
});

test("under another master key the start is refused with one line that says so, and nothing is written", async () => {
  await world.tollhouse.stop();
  const entries = async (): Promise<unknown> =>
    (await world.database.db.query("SELECT count(*) AS n FROM ledger_entries")).rows;
  const before = await entries();
  const env = {
    TOLLHOUSE_PORT: "0",
    TOLLHOUSE_DATA_DIR: world.dataDir,
    TOLLHOUSE_MASTER_KEY: "22".repeat(32),
    DATABASE_URL: world.database.url,
    LOG_LEVEL: "error",
  };
  const refused = await startTollhouse(loadSettings({ env, argv: [], yamlText: null, cwd: world.dataDir })).then(
    () => null,
    (error: unknown) => error,
  );
  expect(refused).toMatchObject({ code: "MASTER_KEY_WRONG" });
  expect(String(refused)).toMatch(/^[^\n]*this database was written under another master key[^\n]*$/);
  expect(await entries()).toEqual(before);
});
