import { tollhouseProcess, type TollhouseProcess } from "./tollhouse-process.ts";

const SAID_MAX = 2_000;

export interface ClusterOptions {
  readonly gateways: number;
  readonly databaseUrl: string;
  /** One URL, or several of a Redis Cluster with commas between them. */
  readonly redisUrl: string;
  /** Base URL of a simulator. */
  readonly providers: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly yaml?: string;
  /** How far each gateway's wall clock is off at first, where it has one of its own; the rest are right. */
  readonly clocksOffMs?: readonly number[];
}

/** Several gateways as processes of their own, on one database and one Redis, each with its own data folder. */
export interface StartedCluster {
  readonly gateways: readonly TollhouseProcess[];
  /** Resolves when each of these says 200 on `/ready`, with the milliseconds that took. Default: all. */
  ready(withinMs: number, which?: readonly TollhouseProcess[]): Promise<number>;
  /** Ends what runs, and removes the data folders. */
  remove(): Promise<void>;
}

/** Starts them side by side, and resolves when all are ready. */
export async function startedCluster(options: ClusterOptions): Promise<StartedCluster> {
  const { gateways: count, redisUrl, env, yaml, clocksOffMs = [] } = options;
  const started = await Promise.allSettled(
    Array.from({ length: count }, (_, at) =>
      tollhouseProcess({
        providers: options.providers,
        databaseUrl: options.databaseUrl,
        env: { ...env, REDIS_URL: redisUrl },
        ...(yaml !== undefined && { yaml }),
        ...(clocksOffMs[at] !== undefined && { clockOffMs: clocksOffMs[at] }),
      }),
    ),
  );
  const gateways = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const remove = async (): Promise<void> => {
    await Promise.all(gateways.map((gateway) => gateway.remove()));
  };
  const failed = started.find((one) => one.status === "rejected");
  if (failed !== undefined) {
    await remove();
    throw failed.reason;
  }
  return { gateways, remove, ready: (withinMs, which = gateways) => untilReady(which, withinMs) };
}

async function untilReady(gateways: readonly TollhouseProcess[], withinMs: number): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    const waiting = (await Promise.all(gateways.map(waitingFor))).filter((reasons) => reasons !== null);
    if (waiting.length === 0) return performance.now() - startedAt;
    if (performance.now() - startedAt > withinMs)
      throw new Error(`not ready after ${withinMs} ms: ${waiting.join("; ")}\n${await stateOf(gateways)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Null: it is ready. */
async function waitingFor({ url }: TollhouseProcess): Promise<string | null> {
  try {
    const answer = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(2_000) });
    const text = await answer.text();
    return answer.status === 200 ? null : text;
  } catch (error) {
    return String(error);
  }
}

/** How they stand to the shared counters, and what they said last. */
async function stateOf(gateways: readonly TollhouseProcess[]): Promise<string> {
  const states = gateways.map(async (gateway, at) => {
    const system = await gateway.control<object>("GET", "/api/v1/system").catch((error: unknown) => String(error));
    const said = (gateway.stdout() + gateway.stderr()).slice(-SAID_MAX);
    return `gateway ${at}: ${JSON.stringify(system)}\n${said}`;
  });
  return (await Promise.all(states)).join("\n");
}
