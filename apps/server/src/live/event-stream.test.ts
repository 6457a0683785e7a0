import { expect, test } from "vitest";
import { EventStream } from "./event-stream.ts";

const ENVIRONMENT = { environment: "prod", ofTenant: true };
const NOTHING = { calls: [], changes: [], more: true };

function stream(parts: Partial<ConstructorParameters<typeof EventStream>[0]> = {}) {
  const state = { isClosed: false, failures: [] as unknown[] };
  const failed = (error: unknown): void => void state.failures.push(error);
  const made = new EventStream({ ...ENVIRONMENT, failed, ...parts }, () => (state.isClosed = true));
  return { made, state };
}

function ticks({ made }: ReturnType<typeof stream>, seconds: number): void {
  for (let second = 0; second < seconds; second++) made.tick();
}

async function textOf({ made }: ReturnType<typeof stream>): Promise<string> {
  return Buffer.concat(await made.readable.toArray()).toString();
}

test("a listener hears something every quarter of a minute, also when nothing happens", async () => {
  const quiet = stream();
  quiet.made.begin(7n, null);
  ticks(quiet, 45);
  quiet.made.end();
  expect((await textOf(quiet)).split(": still here\n\n")).toHaveLength(4);
});

test("whoever lost the right to listen is asked for within half a minute, and sent away", async () => {
  let isOver = false;
  const signedIn = stream({ ended: () => Promise.resolve(isOver) });
  signedIn.made.begin(7n, null);
  ticks(signedIn, 30);
  await Promise.resolve();
  expect(signedIn.made.readable.readableEnded).toBe(false);
  isOver = true;
  ticks(signedIn, 30);
  await textOf(signedIn);
  expect(signedIn.state.isClosed).toBe(true);
});

test("that the right could not be asked for ends nothing", async () => {
  const away = new Error("the database is away");
  const signedIn = stream({ ended: () => Promise.reject(away) });
  signedIn.made.begin(7n, null);
  ticks(signedIn, 30);
  await new Promise(setImmediate);
  expect([signedIn.state.failures, signedIn.state.isClosed]).toEqual([[away], false]);
});

test("what happens before a listener is at its place is told afterwards, and not twice", async () => {
  const late = stream();
  late.made.take(NOTHING, 8n);
  late.made.take(NOTHING, 9n);
  late.made.begin(8n, null);
  late.made.take(NOTHING, 9n);
  late.made.end();
  expect([...(await textOf(late)).matchAll(/^id: (\d+)$/gm)].map(([, id]) => id)).toEqual(["8", "9"]);
});

test("a reader who takes nothing is cut off, and holds no more than its bound", () => {
  const stuck = stream();
  stuck.made.begin(0n, null);
  const subject = "x".repeat(1_000);
  const change = { time: "", environment: null, actor: null, action: null, subject };
  for (let sequence = 1; sequence < 1_000; sequence++)
    stuck.made.take({ calls: [], changes: [{ ...change, sequence }], more: false }, BigInt(sequence));
  stuck.made.tick();
  expect(stuck.made.readable.destroyed).toBe(true);
});
