import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { TestCertificate } from "./test-certificate.ts";

export interface RedisOptions {
  /** Further words of the command line: `["--maxmemory-policy", "allkeys-lru"]`. */
  readonly args?: readonly string[];
  /** Text of a configuration file: a Sentinel is not started without one, and writes into it. */
  readonly config?: string;
  /** Writes every change down before it answers, so that a kill loses nothing. Default: nothing is kept. */
  readonly durable?: boolean;
  /** Listens with it too, on `tlsPort`. */
  readonly certificate?: TestCertificate;
}

/** `redis-server` of PATH as a process of its own, on a free loopback port and a folder that outlives it. */
export interface StartedRedis {
  readonly url: string;
  readonly port: number;
  /** Null: without a certificate there is none. */
  readonly tlsPort: number | null;
  readonly pid: number;
  /** One command, and the whole text of its answer as the server writes it. */
  command(...words: readonly string[]): Promise<string>;
  /** SIGSTOP, and SIGCONT. */
  pause(): void;
  resume(): void;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Again on the same port; with what it had written down, or `empty`. */
  start(options?: { readonly empty?: boolean }): Promise<void>;
  /** Ends it, and removes its folder. */
  remove(): Promise<void>;
}

const START_MS_MAX = 20_000;
/** A Sentinel does not know the command, and leaves the connection open. */
const QUIT_ANSWER = /(\+OK|-ERR unknown command 'QUIT'[^\r]*)\r\n$/;
const SLOTS = 16_384;

export async function startedRedis(options: RedisOptions = {}): Promise<StartedRedis> {
  const folder = await mkdtemp(join(tmpdir(), "th-redis-"));
  const tlsPort = options.certificate === undefined ? null : await freePort();
  const redis = new RedisProcess({ port: await freePort(), tlsPort }, folder, options);
  await redis.start();
  return redis;
}

/** A Redis Cluster of as many masters, without replicas. */
export interface StartedRedisCluster {
  readonly urls: readonly string[];
  readonly nodes: readonly StartedRedis[];
  remove(): Promise<void>;
}

export async function startedRedisCluster(masters = 3): Promise<StartedRedisCluster> {
  const args = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
  const nodes: StartedRedis[] = [];
  for (let i = 0; i < masters; i++) {
    const bus = await freePort();
    nodes.push(await startedRedis({ args: [...args, "--cluster-port", String(bus)] }));
    const each = SLOTS / masters;
    const [from, to] = [Math.ceil(i * each), Math.ceil((i + 1) * each) - 1];
    await nodes[i]?.command("CLUSTER", "ADDSLOTSRANGE", String(from), String(to));
    if (i > 0) await nodes[0]?.command("CLUSTER", "MEET", "127.0.0.1", String(nodes[i]?.port), String(bus));
  }
  const joined = async (node: StartedRedis): Promise<boolean> => {
    const info = await node.command("CLUSTER", "INFO");
    return info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${masters}`);
  };
  await until(async () => (await Promise.all(nodes.map(joined))).every(Boolean), "the cluster to be whole");
  const remove = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.remove()));
  };
  return { nodes, urls: nodes.map(({ url }) => url), remove };
}

/** A Sentinel that alone decides that the master of this name is gone, half a second after it is. */
export function startedSentinel(name: string, { port }: StartedRedis): Promise<StartedRedis> {
  const of = (words: string): string => `sentinel ${words.replace(" ", ` ${name} `)}`;
  const lines = [of(`monitor 127.0.0.1 ${port} 1`), of("down-after-milliseconds 500"), of("failover-timeout 3000")];
  return startedRedis({ args: ["--sentinel"], config: `${lines.join("\n")}\n` });
}

class RedisProcess implements StartedRedis {
  readonly port: number;
  readonly tlsPort: number | null;
  readonly #folder: string;
  readonly #options: RedisOptions;
  #child: ChildProcess | null = null;

  constructor(ports: Pick<StartedRedis, "port" | "tlsPort">, folder: string, options: RedisOptions) {
    this.port = ports.port;
    this.tlsPort = ports.tlsPort;
    this.#folder = folder;
    this.#options = options;
    process.once("exit", this.#lastThing);
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  async start({ empty = false }: { readonly empty?: boolean } = {}): Promise<void> {
    if (this.#child !== null) throw new Error("it runs already");
    if (empty) for (const name of ["appendonlydir", "dump.rdb"]) await this.#removeFile(name);
    const kept = this.#options.durable === true ? ["--appendonly", "yes", "--appendfsync", "always"] : ["--save", ""];
    const words = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.#folder, ...kept];
    const file = await this.#configFile();
    const child = spawn("redis-server", [...file, ...words, ...this.#tls(), ...(this.#options.args ?? [])], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
    const failed = once(child, "error").then(([error]) => {
      throw new Error("redis-server cannot be started: it is needed on PATH", { cause: error });
    });
    this.#child = child;
    const answers = until(async () => {
      if (child.exitCode !== null) throw new Error(`redis-server ended: ${said}`);
      return (await this.command("PING").catch(() => "")).startsWith("+PONG");
    }, "redis-server to answer");
    await Promise.race([answers, failed]);
  }

  async command(...words: readonly string[]): Promise<string> {
    const socket = connect(this.port, "127.0.0.1");
    socket.setTimeout(5_000, () => socket.destroy(new Error("redis-server did not answer within 5 s")));
    await once(socket, "connect");
    const bulk = (word: string): string => `$${Buffer.byteLength(word)}\r\n${word}\r\n`;
    const all = [words, ["QUIT"]].map((each) => `*${each.length}\r\n${each.map(bulk).join("")}`);
    socket.write(all.join(""));
    let answer = "";
    for await (const part of socket.setEncoding("utf8")) {
      answer += part;
      if (QUIT_ANSWER.test(answer) && !answer.endsWith("+OK\r\n")) socket.end();
    }
    return answer.replace(QUIT_ANSWER, "");
  }

  pause(): void {
    process.kill(this.pid, "SIGSTOP");
  }

  resume(): void {
    process.kill(this.pid, "SIGCONT");
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null) throw new Error("it does not run");
    this.#child = null;
    const ended = once(child, "close");
    child.kill("SIGKILL");
    await ended;
  }

  async remove(): Promise<void> {
    process.off("exit", this.#lastThing);
    if (this.#child !== null) await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #tls(): readonly string[] {
    const { certificate } = this.#options;
    if (certificate === undefined || this.tlsPort === null) return [];
    const { cert, key } = certificate;
    const files = ["--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert];
    return ["--tls-port", String(this.tlsPort), ...files, "--tls-auth-clients", "no"];
  }

  async #configFile(): Promise<readonly string[]> {
    const { config } = this.#options;
    if (config === undefined) return [];
    const path = join(this.#folder, "redis.conf");
    await writeFile(path, config);
    return [path];
  }

  #removeFile(name: string): Promise<void> {
    return rm(join(this.#folder, name), { recursive: true, force: true });
  }

  readonly #lastThing = (): void => void this.#child?.kill("SIGKILL");
}

async function until(done: () => Promise<boolean>, expected: string): Promise<void> {
  for (const deadline = performance.now() + START_MS_MAX; !(await done()); await pause(10))
    if (performance.now() > deadline) throw new Error(`waited ${START_MS_MAX} ms for ${expected}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
