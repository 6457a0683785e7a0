import { createHash } from "node:crypto";
import type { Limit } from "@tollhouse/engine";
import { Random } from "../../chaos/random.ts";
import { type Owner, VirtualTime } from "../virtual-time.ts";
import { ClusterAuditor } from "./cluster-auditor.ts";
import { type ClusterBug, NO_CLUSTER_BUG } from "./cluster-bugs.ts";
import { ClusterDatabase, type Snapshot } from "./cluster-database.ts";
import { ClusterNode, type PlannedCall } from "./cluster-node.ts";
import type { Frame } from "./call-log.ts";
import { CounterServer } from "./counter-server.ts";

export interface ClusterSeedResult {
  readonly trace: readonly string[];
  readonly traceHash: string;
  readonly breaks: readonly string[];
  readonly seen: ReadonlySet<string>;
}

const FAULTS_MS = 25_000;
const REST_MS_MAX = 200_000;
const POLL_MS = 200;

export async function runClusterSeed(seed: number, bug: ClusterBug = NO_CLUSTER_BUG): Promise<ClusterSeedResult> {
  return new ClusterWorld(seed, bug).run();
}

interface Place {
  readonly name: string;
  readonly frames: Frame[];
  readonly counterFault: { cut: boolean; flaky: boolean };
  readonly databaseFault: { down: boolean; flaky: boolean };
  owner: Owner;
  node: ClusterNode | null;
}

/** Several nodes, one server of counters, one database; who calls, and who does them harm. */
class ClusterWorld {
  readonly #random: Random;
  readonly #time: VirtualTime;
  readonly #bug: ClusterBug;
  readonly #server: CounterServer;
  readonly #database: ClusterDatabase;
  readonly #auditor: ClusterAuditor;
  readonly #limits: readonly Limit[];
  readonly #places: readonly Place[];
  readonly #trace: string[] = [];
  readonly #seen = new Set<string>();
  #sound = false;
  #done = false;

  constructor(seed: number, bug: ClusterBug) {
    const random = (this.#random = new Random(seed));
    this.#time = new VirtualTime(new Random(seed ^ 0x5bd1e995));
    this.#bug = bug;
    this.#server = bug.server?.() ?? new CounterServer();
    const changed = (): void => this.#notify();
    this.#database = bug.database?.(this.#time, changed) ?? new ClusterDatabase(this.#time, changed);
    this.#limits = clusterLimits(random);
    this.#places = Array.from({ length: random.between(2, 4) }, (_, i) => ({
      name: `node-${i}`,
      frames: [],
      counterFault: { cut: false, flaky: true },
      databaseFault: { down: false, flaky: true },
      owner: { alive: false },
      node: null,
    }));
    this.#auditor = new ClusterAuditor(this.#limits, this.#places, this.#server, this.#database);
  }

  async run(): Promise<ClusterSeedResult> {
    this.#server.onClosed = () => this.#auditor.closed();
    this.#server.onOpened = () => this.#auditor.opened();
    const time = this.#time;
    for (const place of this.#places) time.at(this.#random.between(0, 300), null, () => this.#start(place));
    this.#plan();
    time.at(FAULTS_MS, null, () => this.#heal());
    const going = await time.run(
      () => this.#done || time.nowMs > REST_MS_MAX,
      () => undefined,
    );
    if (!this.#done) this.#auditor.broken(going ? "never came to rest" : "nothing is left to happen");
    for (const what of this.#auditor.breaks) this.#say(`BROKEN: ${what}`);
    return {
      trace: this.#trace,
      traceHash: createHash("sha256").update(this.#trace.join("\n")).digest("hex"),
      breaks: this.#auditor.breaks,
      seen: this.#seen,
    };
  }

  #plan(): void {
    const random = this.#random;
    const calls = random.pick([60, 120, 200]);
    for (let i = 0; i < calls; i++) {
      const call = this.#call(`c${i}`);
      this.#sometime(() => this.#send(random.pick(this.#places), call));
    }
    const some = (chance: number, most: number, happen: () => void): void => {
      if (random.next() < chance) for (let i = random.between(1, most); i > 0; i--) this.#sometime(happen);
    };
    some(0.5, 3, () => this.#kill(random.pick(this.#places)));
    some(0.4, 2, () => this.#stop(random.pick(this.#places)));
    some(0.3, 2, () => this.#counters("the counters are emptied", () => this.#server.empty()));
    some(0.3, 2, () => this.#counters("a replica without the last verbs takes over", () => this.#failOver()));
    some(0.3, 2, () =>
      this.#counters("the counters' server restarts with what it had", () => this.#server.forgetScripts()),
    );
    some(0.3, 2, () => this.#away("the counters are away", 6_000, (on) => (this.#server.down = on)));
    some(0.4, 3, () => {
      const place = random.pick(this.#places);
      this.#away(`${place.name} is cut off from the counters`, 7_000, (on) => (place.counterFault.cut = on));
    });
    some(0.4, 3, () => {
      const place = random.pick(this.#places);
      this.#away(`${place.name} is cut off from the database`, 8_000, (on) => (place.databaseFault.down = on));
    });
    some(0.3, 1, () =>
      this.#away("the database is away", 8_000, (on) => {
        for (const place of this.#places) place.databaseFault.down = on;
      }),
    );
  }

  #call(id: string): PlannedCall {
    const random = this.#random;
    const amounts = (most: number) => ({
      usd: BigInt(random.between(1, most)),
      tokens: BigInt(random.between(1, most)),
      requests: 0n,
    });
    return {
      id,
      limits: this.#limits.filter(() => random.next() < 0.7),
      held: { ...amounts(30), requests: 1n },
      extensions: Array.from({ length: random.pick([0, 0, 1, 3]) }, () => amounts(15)),
      stepMs: random.pick([0, 5, 80, 700, 4_000]),
      uses: random.next() < 0.15 ? null : random.next(),
    };
  }

  #send(place: Place, call: PlannedCall): void {
    if (place.node === null) return this.#say("a client finds nobody");
    // A stopped process has the question in its socket.
    this.#time.at(0, place.owner, () => {
      void place.node?.call(call, (limit) => {
        this.#say("a limit refuses");
        this.#say(`${call.id} refused by ${limit}`);
      });
    });
  }

  #start(place: Place): void {
    if (place.owner.alive) return;
    const owner: Owner = { alive: true, clockOffMs: this.#random.pick([0, 0, -2_000, 2_000]) };
    place.owner = owner;
    this.#say(`${place.name} starts`);
    this.#time.process = owner;
    place.node = new ClusterNode({
      ...place,
      owner,
      time: this.#time,
      random: this.#random,
      server: this.#server,
      database: this.#database,
      limits: this.#limits,
      bug: this.#bug,
      seen: (what) => this.#say(what),
      broken: (what) => owner.alive && this.#auditor.broken(what),
      wrote: (frame) => this.#auditor.wrote(place.name, frame),
      looked: (snapshot: Snapshot) => {
        this.#say("a rebuild");
        this.#auditor.looked(snapshot);
      },
    });
  }

  #kill(place: Place): void {
    if (!place.owner.alive) return;
    this.#say("a node is killed");
    place.owner.alive = false;
    place.node = null;
    const awayMs = this.#random.pick([50, 1_000, 4_000, 9_000]);
    if (awayMs > 5_000) this.#say("a node is away for longer than its lease");
    this.#time.at(awayMs, null, () => this.#start(place));
  }

  #stop({ owner, name }: Place): void {
    const forMs = this.#random.pick([300, 2_000, 7_000, 12_000]);
    this.#say(`${name} is stopped`);
    this.#say(forMs > 5_000 ? "a node is stopped for longer than its lease" : "a node is stopped");
    owner.stoppedUntilMs = this.#time.nowMs + forMs;
  }

  #counters(what: string, happen: () => void): void {
    this.#say(what);
    happen();
  }

  #failOver(): void {
    this.#server.failOver(this.#random.between(1, 30));
  }

  #away(what: string, msMax: number, set: (on: boolean) => void): void {
    this.#say(what.replace(/^node-\d/, "a node"));
    set(true);
    this.#time.at(this.#random.between(100, msMax), null, () => set(false));
  }

  #heal(): void {
    this.#sound = true;
    this.#server.down = false;
    for (const { counterFault, databaseFault } of this.#places) {
      Object.assign(counterFault, { cut: false, flaky: false });
      Object.assign(databaseFault, { down: false, flaky: false });
    }
    this.#rest();
  }

  #rest(): void {
    if (this.#places.some(({ node }) => node?.resting !== true))
      return void this.#time.at(POLL_MS, null, () => this.#rest());
    this.#auditor.atRest();
    this.#say("at rest");
    this.#done = true;
  }

  #sometime(happen: () => void): void {
    this.#time.at(this.#random.between(0, FAULTS_MS - 5_000), null, happen);
  }

  /** Lost where nobody listens: a node also looks by itself. */
  #notify(): void {
    for (const place of this.#places) {
      if (!this.#sound && this.#random.next() < 0.1) continue;
      this.#time.at(this.#random.between(0, 5), place.owner, () => place.node?.nudge());
    }
  }

  #say(what: string): void {
    this.#seen.add(what);
    this.#trace.push(`${this.#time.nowMs.toFixed(2).padStart(12)} ${what}`);
  }
}

/** Some hundred dollars and tokens, so that they run out; a soft one, which never refuses. */
function clusterLimits(random: Random): readonly Limit[] {
  const of = (id: string, more: Partial<Limit>): Limit => ({
    id,
    scope: "org",
    measure: "usd",
    amount: 0n,
    window: "lifetime",
    timeZone: "UTC",
    mode: "hard",
    version: 1,
    derived: false,
    ...more,
  });
  return [
    of("lim_org", { amount: BigInt(random.between(100, 900)) }),
    of("lim_day", { window: "day", amount: BigInt(random.between(100, 900)) }),
    of("lim_tokens", { scope: "team:red", measure: "tokens", amount: BigInt(random.between(100, 900)) }),
    of("lim_requests", { scope: "team:blue", measure: "requests", amount: BigInt(random.between(20, 150)) }),
    of("lim_watch", { scope: "team:green", mode: "soft", amount: 50n }),
  ];
}
