import { createHash } from "node:crypto";
import type { Limit } from "@tollhouse/engine";
import { Random } from "../chaos/random.ts";
import { Auditor } from "./auditor.ts";
import { NO_BUG, type PlantedBug } from "./planted-bugs.ts";
import { readEntry } from "./read-entry.ts";
import { limitsOf } from "./limits-of.ts";
import { SimulatedClient } from "./simulated-client.ts";
import { SimulatedDatabase, type DatabaseSenses, type Write } from "./simulated-database.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { SimulatedNode } from "./simulated-node.ts";
import { SimulatedProvider } from "./simulated-provider.ts";
import { type Owner, VirtualTime } from "./virtual-time.ts";

export interface SeedResult {
  readonly seed: number;
  /** What happened, line by line; ids are numbered, so that two runs of one seed are the same text. */
  readonly trace: readonly string[];
  readonly traceHash: string;
  /** Rules that were broken; empty = none. */
  readonly breaks: readonly string[];
  /** Rare paths that were reached. */
  readonly seen: ReadonlySet<string>;
  /** What the database committed, statement by statement. */
  readonly writes: readonly Write[];
  readonly database: SimulatedDatabase;
  readonly calls: number;
}

/** Faults last so long at most; then everything is sound, and must come to rest by itself. */
const FAULTS_MS = 9_000;
const REST_MS_MAX = 400_000;
const POLL_MS = 400;

export async function runSeed(seed: number, bug: PlantedBug = NO_BUG): Promise<SeedResult> {
  return new World(seed, bug).run();
}

/** Everything around one node: its disk, database, provider and clients; and who does it harm, and when. */
class World {
  readonly #seed: number;
  readonly #bug: PlantedBug;
  readonly #random: Random;
  readonly #time: VirtualTime;
  readonly #disk: SimulatedDisk;
  readonly #database: SimulatedDatabase;
  readonly #provider: SimulatedProvider;
  readonly #auditor: Auditor;
  readonly #limits: readonly Limit[];
  readonly #sync: "interval" | "always";
  readonly #seen = new Set<string>();
  readonly #trace: string[] = [];
  readonly #ids = new Map<string, string>();
  readonly #writes: Write[] = [];
  readonly #clients: SimulatedClient[] = [];
  readonly #diskFault = { full: false, failsToSync: false, lies: false };
  readonly #databaseFault = { down: false, flaky: true };
  #liedEver = false;
  #node: SimulatedNode | null = null;
  /** Effects until the process is killed in the middle of one; Infinity = it is not. */
  #strikeIn = Infinity;
  #power = false;
  #cutAtCommit = false;
  #restarts = 0;
  #settled = false;
  #done = false;

  constructor(seed: number, bug: PlantedBug) {
    this.#seed = seed;
    this.#bug = bug;
    const random = (this.#random = new Random(seed));
    this.#time = new VirtualTime(new Random(seed ^ 0x5bd1e995));
    this.#limits = limitsOf(random);
    this.#sync = random.next() < 0.35 ? "always" : "interval";
    const auditor = (this.#auditor = new Auditor(
      this.#limits.map(({ id, measure, amount, mode, window }) => ({
        id,
        measure,
        amount,
        hard: mode === "hard",
        rolling: window === "rolling_24h",
      })),
    ));
    const seen = (what: string): void => this.#say(what);
    const pause = (ms: number): Promise<void> => this.#time.pause(ms);
    this.#disk = new SimulatedDisk({
      random,
      pause,
      seen,
      effect: (kind, bytes) => this.#effect(kind, bytes),
      wrote: (path, offset, bytes) => auditor.spool.wrote(path, offset, bytes),
      cut: (path, length) => auditor.spool.cut(path, length, this.#power),
      fault: this.#diskFault,
    });
    const senses: DatabaseSenses = {
      random,
      pause,
      seen,
      later: (ms, happen) => void this.#time.at(ms, null, happen),
      asking: () => this.#effect("commit", 0) >= 0,
      committed: (writes) => this.#committed(writes),
      fault: this.#databaseFault,
    };
    this.#database = bug.database?.(senses) ?? new SimulatedDatabase(senses);
    this.#provider = new SimulatedProvider({ time: this.#time, random, seen, sent: (call) => this.#sent(call) });
  }

  async run(): Promise<SeedResult> {
    const { time } = { time: this.#time };
    this.#plan();
    time.at(0, null, () => this.#start());
    time.at(FAULTS_MS + 1_000, null, () => this.#rest());
    const ended = await time.run(
      () => this.#done || time.nowMs > REST_MS_MAX,
      () => this.#look(),
    );
    if (!this.#done) this.#broken(ended ? "never came to rest" : "nothing is left to happen, and it is not at rest");
    const entries = this.#database.entries.map(({ body, hash }) => readEntry(body, hash));
    this.#auditor.judge(
      entries,
      this.#provider.bill.map((line) => line()),
    );
    const trace = this.#trace.map((line) => this.#numbered(line));
    return {
      seed: this.#seed,
      trace,
      traceHash: createHash("sha256").update(trace.join("\n")).digest("hex"),
      breaks: this.#auditor.breaks.map((line) => this.#numbered(line)),
      seen: this.#seen,
      writes: this.#writes,
      database: this.#database,
      calls: this.#clients.length,
    };
  }

  /** Clients and faults, each at its time. */
  #plan(): void {
    const random = this.#random;
    const often = random.pick([25, 40, 70]);
    for (let i = 0; i < often; i++) {
      const client = new SimulatedClient(`c${i}`, {
        time: this.#time,
        random,
        seen: (what) => this.#say(what),
        answered: (call, status, body) => this.#answered(call, status, body),
      });
      this.#clients.push(client);
      this.#sometime(() => this.#connect(client));
    }
    for (let i = random.between(0, 2); i > 0; i--) this.#sometime(() => this.#kill("killed between two events"));
    for (let i = random.between(0, 3); i > 0; i--) this.#sometime(() => (this.#strikeIn = random.between(1, 12)));
    if (random.next() < 0.2) this.#sometime(() => this.#cutPower());
    if (random.next() < 0.25) this.#sometime(() => (this.#cutAtCommit = true));
    if (random.next() < 0.25) this.#while("the disk is full", 3_000, (on) => (this.#diskFault.full = on));
    if (random.next() < 0.08) this.#sometime(() => this.#failToSync());
    if (random.next() < 0.15)
      this.#while("syncs may lie", 4_000, (on) => {
        this.#diskFault.lies = on;
        this.#liedEver ||= on;
      });
    if (random.next() < 0.3) this.#while("the database goes away", 3_000, (on) => (this.#databaseFault.down = on));
    if (random.next() < 0.3) this.#sometime(() => this.#stepClock());
  }

  #sometime(happen: () => void): void {
    this.#time.at(this.#random.between(0, FAULTS_MS), null, happen);
  }

  #while(what: string, msMax: number, set: (on: boolean) => void): void {
    this.#sometime(() => {
      this.#say(what);
      set(true);
      this.#time.at(this.#random.between(50, msMax), null, () => set(false));
    });
  }

  #stepClock(): void {
    const ms = this.#random.pick([-90_000, -2_000, 3_000, 61_000, 3_700_000]);
    this.#time.steppedMs += ms;
    this.#say(ms < 0 ? "the clock steps back" : "the clock steps on");
  }

  #failToSync(): void {
    this.#diskFault.failsToSync = true;
    this.#say("a sync fails");
    // Whoever watches the process restarts it, with a sound disk.
    this.#time.at(1_500, null, () => {
      this.#diskFault.failsToSync = false;
      this.#kill("restarted after a failed sync");
    });
  }

  #start(): void {
    const owner: Owner = { alive: true };
    this.#time.process = owner;
    this.#say(`start ${++this.#restarts}`);
    const disk = this.#disk.asSpoolDisk();
    SimulatedNode.start({
      owner,
      random: this.#random,
      disk: this.#bug.disk?.(disk) ?? disk,
      database: this.#database,
      provider: this.#provider,
      limits: this.#limits,
      sync: this.#sync,
      bytesMax: 400_000,
      bug: this.#bug,
      pause: (ms) => this.#time.pause(ms),
      seen: (what) => this.#say(what),
      broken: (what) => owner.alive && this.#broken(what),
    }).then(
      (node) => {
        if (owner.alive) this.#node = node;
      },
      (error: unknown) => {
        if (!owner.alive) return;
        this.#say("a start fails, and is tried again");
        const { name, message } = error as Error;
        if (name === "SpoolCorrupt") this.#broken(`the start is refused: ${message}`);
        this.#kill("the start failed");
      },
    );
  }

  #kill(why: string): void {
    const owner = this.#time.process;
    if (owner === null || !owner.alive) return;
    this.#say(why);
    owner.alive = false;
    this.#strikeIn = Infinity;
    this.#node = null;
    this.#time.process = null;
    this.#provider.processDied();
    for (const client of this.#clients) client.processDied();
    if (this.#restarts > 60) return this.#broken("started sixty times, and never served");
    this.#time.at(this.#random.between(20, 900), null, () => this.#start());
  }

  /** The database on another machine keeps what the spool of this one may lose in the same moment. */
  #committed(writes: readonly Write[]): void {
    this.#writes.push(...writes);
    if (!this.#cutAtCommit) return;
    this.#cutAtCommit = false;
    this.#time.at(0, null, () => this.#cutPower());
  }

  #cutPower(): void {
    this.#kill("the power is cut");
    this.#power = true;
    this.#disk.loseUnsynced();
    this.#power = false;
  }

  /** Answers how much of it happens; -1 = nothing, the process is dead. */
  #effect(kind: string, bytes: number): number {
    if (this.#time.process?.alive !== true) return -1;
    if (--this.#strikeIn > 0) return bytes;
    this.#kill(`killed in the middle of a ${kind}`);
    if (kind !== "write") return -1;
    const part = this.#random.between(0, bytes);
    if (part > 0 && part < bytes) this.#say("a write is torn by a kill");
    return part;
  }

  #sent(call: string): boolean {
    const durable = this.#sync === "always" && !this.#liedEver;
    this.#auditor.sent(call, durable ? (path) => this.#disk.durableLength(path) : null);
    return this.#effect("send", 0) >= 0;
  }

  #connect(client: SimulatedClient): void {
    const node = this.#node;
    if (node === null) {
      client.end = "reset";
      return this.#say("a client finds nobody");
    }
    client.call(node.owner, (req, res) => node.serve(req, res));
  }

  #answered(call: string, status: number, body: string): void {
    this.#say(`${call} answered ${status}`);
    if (status === 429 && body.includes("limit_state")) {
      this.#say("a limit refuses");
      if (this.#node !== null) this.#auditor.refused(call, body, this.#node.counters.dump());
    }
    if (body.includes("_EXCEEDED") && status === 200) this.#say("a stream is cut at its limit");
    if (status === 503) this.#say("a call is refused for want of a place to record it");
  }

  #look(): void {
    if (this.#node !== null) this.#auditor.counters(this.#node.counters.dump());
  }

  /** All is sound now: waits until nothing runs, audits, restarts once more, and audits what comes back. */
  #rest(): void {
    Object.assign(this.#diskFault, { full: false, failsToSync: false, lies: false });
    Object.assign(this.#databaseFault, { down: false, flaky: false });
    this.#strikeIn = Infinity;
    this.#cutAtCommit = false;
    const node = this.#node;
    const waiting = this.#clients.some((client) => client.end === "waiting");
    if (node === null || waiting || this.#provider.busy || node.gateway.state.inFlight > 0) return this.#restLater();
    void node.drained().then(() => this.#audit(node));
  }

  #restLater(): void {
    this.#time.at(POLL_MS, null, () => this.#rest());
  }

  #audit(node: SimulatedNode): void {
    if (!node.owner.alive || node.gateway.state.inFlight > 0) return this.#restLater();
    const entries = this.#database.entries.map(({ body, hash }) => readEntry(body, hash));
    const sums = new Map([...this.#database.sums].map(([name, { settled }]) => [name, settled]));
    this.#auditor.atRest(node.counters.dump(), entries, sums);
    this.#say(this.#settled ? "at rest after a last restart" : "at rest");
    if (this.#settled) return void (this.#done = true);
    this.#settled = true;
    this.#kill("restarted at rest");
    this.#restLater();
  }

  #broken(what: string): void {
    // Nobody can record what an end says whose beginning the disk lost; the recorder says so.
    const endOf = /outcome of decision (\S+) has no open intent/.exec(what)?.[1];
    if (endOf !== undefined && this.#auditor.spool.lostIntent(endOf)) return this.#say("an end without a beginning");
    this.#say(`BROKEN: ${what}`);
    this.#auditor.broken(what);
  }

  #say(what: string): void {
    this.#seen.add(what);
    this.#trace.push(`${this.#time.nowMs.toFixed(2).padStart(12)} ${what}`);
  }

  #numbered(line: string): string {
    return line.replace(/[0-9a-f]{32}/g, (id) => {
      const known = this.#ids.get(id) ?? `#${this.#ids.size + 1}`;
      this.#ids.set(id, known);
      return known;
    });
  }
}
