import { deepEqual, equal } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { simulatorProcess, startedRedis, testDatabase, tollhouseProcess } from "@tollhouse/testkit";
import type { TollhouseProcess } from "@tollhouse/testkit";
import { wholeAsk } from "../asks.ts";
import type { LimitAnswer } from "../audit.ts";
import { send } from "../client.ts";

// A gateway of the release before beside one of this one, on one database and one Redis. By hand, for a checkout of it is no part of this one:
//   node --conditions=@tollhouse/source tests/chaos/cluster/release-before.ts <folder of that checkout, installed>

const AMOUNT = 30;
const CALLS = 40;
const REST_MS_MAX = 60_000;

const checkout = resolve(process.argv[2] ?? "");
if (process.argv[2] === undefined || !existsSync(join(checkout, "apps/server/src/main.ts")))
  throw new Error("expected the folder of a checkout of the release before, as its one argument");

const [simulator, database, redis] = await Promise.all([simulatorProcess(), testDatabase(), startedRedis()]);
const started: TollhouseProcess[] = [];
try {
  const where = { providers: simulator.url, databaseUrl: database.url, env: { REDIS_URL: redis.url } };
  for (const options of [{ ...where, checkout }, where]) started.push(await tollhouseProcess(options));
  await judge(started);
} finally {
  for (const gateway of started) await gateway.remove();
  await Promise.all([redis.remove(), simulator.close(), database.drop()]);
}

async function judge(gateways: readonly TollhouseProcess[]): Promise<void> {
  const [before] = gateways as [TollhouseProcess];
  const limit = { scope: "org", measure: "requests", amount: String(AMOUNT), window: "lifetime", mode: "hard" };
  const { id } = await before.control<LimitAnswer>("POST", "/api/v1/limits", limit);
  const admitted = gateways.map(() => 0);
  for (let at = 0; at < CALLS; at++) {
    const turn = at % gateways.length;
    const { status } = await send((gateways[turn] as TollhouseProcess).url, wholeAsk("chat", { id: `call-${at}` }));
    equal(status, at < AMOUNT ? 200 : 429, `call ${at}`);
    if (status === 200) admitted[turn] = (admitted[turn] ?? 0) + 1;
  }
  for (const gateway of gateways) {
    await untilAtRest(gateway, id);
    const found = await gateway.control<{ result: string }>("POST", "/api/v1/ledger/verify", { from: 1, to: "latest" });
    equal(found.result, "PASS");
  }
  for (const gateway of gateways) deepEqual(await gateway.terminate(), { code: 0, signal: null });
  process.stdout.write(
    `of ${CALLS} calls on a limit of ${AMOUNT}, ${admitted.join(" and ")} were admitted; one chain, both end with 0\n`,
  );
}

/** Every gateway reads the same of the limit: all is used, and nothing is held. */
async function untilAtRest(gateway: TollhouseProcess, id: string): Promise<void> {
  for (const deadline = performance.now() + REST_MS_MAX; ;) {
    const { state } = await gateway.control<LimitAnswer>("GET", `/api/v1/limits/${id}`);
    if (state.settled === String(AMOUNT) && state.reserved === "0") return;
    if (performance.now() > deadline)
      throw new Error(`expected ${AMOUNT} used and 0 held, got ${JSON.stringify(state)}`);
    await pause(50);
  }
}
