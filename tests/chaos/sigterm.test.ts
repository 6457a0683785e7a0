import { simulatorProcess, tollhouseProcess, type SimulatorProcess, type TollhouseProcess } from "@tollhouse/testkit";
import { beforeAll, expect, test } from "vitest";
import { STREAM_DIALECTS, streamAsk, wholeAsk, type Ask } from "./asks.ts";
import { atRest, costOf, expectCountersAreTheFold, expectVerifies, makeLimit, pairUp, recordedCalls } from "./audit.ts";
import { send, type Answer } from "./client.ts";
import { Random } from "./random.ts";
import { LONG, SEED } from "./rounds.ts";

const ROUNDS = LONG ? 50 : 1;
const STREAMS = 200;
const GRACE_SECONDS = 6;
const TOKENS_PER_SECOND = 40;
/** Ends well inside the grace time, wherever in it the signal comes. */
const SHORT_TOKENS = 40;
/** Is still running long after it. */
const LONG_TOKENS = 2_000;

let simulator: SimulatorProcess;
let tollhouse: TollhouseProcess;

beforeAll(async () => {
  simulator = await simulatorProcess({ tokensPerSecond: TOKENS_PER_SECOND });
  const env = { TOLLHOUSE_SHUTDOWN_GRACE_SECONDS: String(GRACE_SECONDS) };
  tollhouse = await tollhouseProcess({ providers: simulator.url, env });
  return async () => {
    await tollhouse.remove();
    await simulator.close();
  };
});

const random = new Random(SEED);

interface Sent {
  readonly ask: Ask;
  readonly short: boolean;
  readonly answer: Promise<Answer>;
}

test(
  `SIGTERM under ${STREAMS} streams, ${ROUNDS} times: short streams end as ever, long ones are told why, all are settled, exit code 0`,
  { timeout: 120_000 + ROUNDS * 60_000 },
  async () => {
    await makeLimit(tollhouse, "org", "1000.00");
    for (let round = 0; round < ROUNDS; round++) {
      const sent = await terminateUnderLoad(round);
      for (const { ask, short, answer } of sent) expectEnd(ask, short, await answer);
      await tollhouse.start();
      await expectCountersAreTheFold(tollhouse);
    }
    await atRest(tollhouse);
    const pairs = pairUp(await recordedCalls(tollhouse), simulator.bill());
    expect(pairs).toHaveLength(ROUNDS * (STREAMS + 1));
    for (const { recorded, billed } of pairs) {
      const short = billed.callId.includes("short");
      // Nothing may be left for the next start to guess at.
      expect(recorded.usage_source, billed.callId).toBe(short ? "reported" : "counted");
      expect(recorded.reason_code, billed.callId).toBe(short ? null : "SHUTTING_DOWN");
      if (short) expect(costOf(recorded), billed.callId).toBe(billed.cost);
    }
    await expectVerifies(tollhouse);
  },
);

async function terminateUnderLoad(round: number): Promise<Sent[]> {
  const begun = Promise.withResolvers<void>();
  let running = 0;
  const onData = (_bytes: number, first: boolean): void => {
    if (first && ++running === STREAMS) begun.resolve();
  };
  const { url } = tollhouse;
  const sent = Array.from({ length: STREAMS }, (_, at): Sent => {
    const short = at % 2 === 0;
    const output_tokens = short ? SHORT_TOKENS : LONG_TOKENS;
    const id = `${round}-${short ? "short" : "long"}-${at}`;
    const ask = streamAsk(random.pick(STREAM_DIALECTS), { id, steering: { output_tokens } });
    return { ask, short, answer: send(url, ask, { onData }) };
  });
  const plain = wholeAsk("chat", { id: `${round}-short-plain`, steering: { output_tokens: SHORT_TOKENS } });
  sent.push({ ask: plain, short: true, answer: send(url, plain) });
  await begun.promise;
  const told = Promise.race(
    sent.filter(({ short }) => !short).map(({ answer }) => answer.then(() => performance.now())),
  );
  const ending = tollhouse.terminate();
  const refusedAt = await refusesNewCalls(url, round);
  expect(await ending).toEqual({ code: 0, signal: null });
  // From its first moment on, and not when the grace time is over and the first long stream is told so.
  expect((await told) - refusedAt).toBeGreaterThan(1_000);
  return sent;
}

/** When it says on /ready that it takes no more; then it does not. A connection refused is a refusal too: the listener is closed. */
async function refusesNewCalls(url: string, round: number): Promise<number> {
  const readiness = async (): Promise<number> => {
    return fetch(`${url}/ready`).then(
      (response) => response.status,
      () => 503,
    );
  };
  await expect.poll(readiness, { timeout: 60_000, interval: 10 }).toBe(503);
  const refusedAt = performance.now();
  const late = await send(url, wholeAsk("chat", { id: `${round}-late` }));
  expect([503, null]).toContain(late.status);
  return refusedAt;
}

function expectEnd(ask: Ask, short: boolean, answer: Answer): void {
  expect(answer.status, ask.id).toBe(200);
  expect(answer.end, ask.id).toBe("whole");
  const last =
    answer.text
      .trimEnd()
      .split(/\r?\n\r?\n/)
      .at(-1) ?? "";
  if (short) expect(answer.text, ask.id).not.toContain("SHUTTING_DOWN");
  // A well-formed event of the dialect that names the reason, as its official client reads it.
  else expect(JSON.stringify(JSON.parse(last.replace(/^(event: .*\n)?data: /, ""))), ask.id).toContain("SHUTTING_DOWN");
}
