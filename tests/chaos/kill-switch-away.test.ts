import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectionUrl, startEmbedded, type EmbeddedPostgres } from "@tollhouse/store";
import { simulatorProcess, tollhouseProcess, type SimulatorProcess, type TollhouseProcess } from "@tollhouse/testkit";
import { beforeAll, expect, test } from "vitest";
import { wholeAsk } from "./asks.ts";
import { expectVerifies } from "./audit.ts";
import { send } from "./client.ts";

// An operator's stop must work when much else does not.

let simulator: SimulatorProcess;
let dataDir: string;
let postgres: EmbeddedPostgres;
let tollhouse: TollhouseProcess;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "th-stop-"));
  await chmod(dataDir, 0o711);
  postgres = await startPostgres();
  simulator = await simulatorProcess();
  tollhouse = await tollhouseProcess({ providers: simulator.url, databaseUrl: connectionUrl(postgres.connection) });
  return async () => {
    await tollhouse.remove();
    await simulator.close();
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
});

function startPostgres(): Promise<EmbeddedPostgres> {
  return startEmbedded({ dataDir, log: () => undefined });
}

let calls = 0;

async function statusOf(dimensions: Readonly<Record<string, string>>): Promise<number | null> {
  return (await send(tollhouse.url, wholeAsk("chat", { id: `call-${calls++}`, dimensions }))).status;
}

interface Listed {
  readonly kill_switches: readonly { readonly id: string; readonly scope: string }[];
}

test("while PostgreSQL is away a stop is in force at once, and a lift too; both outlive a kill of the server", async () => {
  const reason = "incident";
  const before = await tollhouse.control<{ id: string }>("POST", "/api/v1/kill-switches", {
    scope: "agent:before",
    reason,
  });
  await postgres.stop();
  await tollhouse.control("POST", "/api/v1/kill-switches", { scope: "agent:during", reason });
  await tollhouse.control("POST", "/api/v1/blocks", { scope: "user:during", reason });
  await tollhouse.control("POST", "/api/v1/sessions/during/freeze", { reason });
  await tollhouse.control("DELETE", `/api/v1/kill-switches/${before.id}`);
  const expected = [451, 403, 403, 200];
  const statuses = async (): Promise<(number | null)[]> => [
    await statusOf({ agent: "during" }),
    await statusOf({ user: "during" }),
    await statusOf({ session: "during" }),
    await statusOf({ agent: "before" }),
  ];
  expect(await statuses()).toEqual(expected);
  await tollhouse.kill();
  postgres = await startPostgres();
  await tollhouse.start();
  expect(await statuses()).toEqual(expected);
  const { kill_switches } = await tollhouse.control<Listed>("GET", "/api/v1/kill-switches");
  expect(kill_switches.map(({ scope }) => scope)).toEqual(["agent:during"]);
  await expectVerifies(tollhouse);
});
