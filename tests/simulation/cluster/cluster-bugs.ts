import type { CountersOfNode } from "@tollhouse/store";
import type { VirtualTime } from "../virtual-time.ts";
import { ClusterDatabase } from "./cluster-database.ts";
import type { CounterLink } from "./counter-link.ts";
import { CounterServer, type Open, type Sender, type ServerState, type Sum } from "./counter-server.ts";
import type { SimulatedRecorder } from "./node-recorder.ts";
import type { Limit } from "@tollhouse/engine";

/** A mistake somebody might make in what several gateways agree on. None of it is in the product's own code. */
export interface ClusterBug {
  readonly server?: () => CounterServer;
  readonly database?: (time: VirtualTime, changed: () => void) => ClusterDatabase;
  readonly shared?: (link: CounterLink) => CounterLink;
  readonly teller?: (counters: CountersOfNode) => Pick<CountersOfNode, "layDown" | "entered">;
  readonly recorder?: (recorder: SimulatedRecorder) => Pick<SimulatedRecorder, "layDown" | "goOn">;
}

export const NO_CLUSTER_BUG: ClusterBug = {};

/** A seed that shows it, to be tried first. */
export const SHOWN_BY: Readonly<Record<string, number>> = {
  "verbs of any epoch are taken": 7,
  "a server that was replaced is taught its scripts again": 7,
  "a rebuild adds to what is there": 2,
  "a release of what is not known leaves no mark": 21,
  "the counters are counted anew because a node is gone": 92,
  "a rebuild forgets what only the counters knew of a node that is away": 117,
  "a rebuild begins before all have laid down": 2,
  "whoever comes back owes nothing": 3,
  "what is open and young is not laid down": 2,
  "ends are told only once": 6,
  "an answer of a closed epoch is used": 103,
};

export const CLUSTER_BUGS: Readonly<Record<string, ClusterBug>> = {
  "verbs of any epoch are taken": {
    server: () =>
      new (class extends CounterServer {
        override verb<T>(from: Sender, run: (state: ServerState) => T) {
          return super.verb({ ...from, epoch: this.state.open ?? from.epoch, acknowledged: 0 }, run);
        }
        protected override knows(): boolean {
          return true;
        }
      })(),
  },
  "a server that was replaced is taught its scripts again": {
    server: () =>
      new (class extends CounterServer {
        override verb<T>(from: Sender, run: (state: ServerState) => T) {
          return super.verb({ ...from, acknowledged: 0 }, run);
        }
        protected override knows(): boolean {
          return true;
        }
      })(),
  },
  "a rebuild adds to what is there": {
    server: () =>
      new (class extends CounterServer {
        protected override fill(
          state: ServerState,
          sums: readonly Sum[],
          open: readonly Open[],
          limits: readonly Limit[],
        ) {
          const before = [...state.counters.dump()];
          super.fill(state, sums, open, limits);
          for (const { limitId, windowId, settled } of before)
            state.counters.seed(limitId, windowId, state.counters.settledIn(limitId, windowId) + settled);
        }
      })(),
  },
  "a rebuild does not know what is open": {
    server: () =>
      new (class extends CounterServer {
        protected override fill(
          state: ServerState,
          sums: readonly Sum[],
          _: readonly Open[],
          limits: readonly Limit[],
        ) {
          super.fill(state, sums, [], limits);
        }
      })(),
  },
  "a release of what is not known leaves no mark": {
    server: () =>
      new (class extends CounterServer {
        override verb<T>(from: Sender, run: (state: ServerState) => T) {
          return super.verb(from, (state) => {
            state.tombstones.clear();
            return run(state);
          });
        }
      })(),
  },
  "a settle that is repeated counts again": {
    server: () =>
      new (class extends CounterServer {
        override verb<T>(from: Sender, run: (state: ServerState) => T) {
          return super.verb(from, (state) => {
            const answer = run(state);
            if (Array.isArray(answer) && answer.length > 0 && "limitId" in answer[0])
              for (const { limitId, windowId, amount } of answer as {
                limitId: string;
                windowId: string;
                amount: bigint;
              }[]) {
                const name = `${from.node} ${limitId} ${windowId} ${amount}`;
                if (state.adjusted.has(name))
                  state.counters.seed(limitId, windowId, state.counters.settledIn(limitId, windowId) + amount);
                state.adjusted.add(name);
              }
            return answer;
          });
        }
      })(),
  },
  "a rebuild begins before all have laid down": {
    database: (time, changed) =>
      new (class extends ClusterDatabase {
        protected override takeRebuild(id: string, epoch: bigint) {
          for (const row of this.nodes.values()) row.acknowledged = epoch;
          return super.takeRebuild(id, epoch);
        }
      })(time, changed),
  },
  "the counters are counted anew because a node is gone": {
    database: (time, changed) =>
      new (class extends ClusterDatabase {
        override run(name: string, values: readonly unknown[]) {
          const { epoch, state } = this.fence;
          const gone = [...this.nodes.values()].find((row) => row.entered === epoch && !this.lives(row.id));
          if (name === "beat-node" && state === "open" && gone !== undefined) this.close(`${gone.name} is gone`);
          return super.run(name, values);
        }
      })(time, changed),
  },
  "a rebuild forgets what only the counters knew of a node that is away": {
    server: () =>
      new (class extends CounterServer {
        override begin(epoch: bigint, attempt: number): boolean {
          const begun = super.begin(epoch, attempt);
          this.state.left = [];
          return begun;
        }
      })(),
  },
  "whoever comes back owes nothing": {
    database: (time, changed) =>
      new (class extends ClusterDatabase {
        protected override enterEpoch(id: string, instance: string, epoch: bigint) {
          const row = this.nodes.get(id);
          if (row !== undefined) row.owes = false;
          return super.enterEpoch(id, instance, epoch);
        }
      })(time, changed),
  },
  "the recorder goes on while the counters are rebuilt": {
    recorder: (recorder) => ({
      layDown: async (atBoundary) => {
        const done = recorder.layDown(atBoundary);
        recorder.goOn();
        await done;
      },
      goOn: () => recorder.goOn(),
    }),
  },
  "what is open and young is not laid down": {
    recorder: (recorder) => ({
      layDown: (atBoundary) => {
        atBoundary();
        return recorder.drained();
      },
      goOn: () => recorder.goOn(),
    }),
  },
  "ends are told only once": {
    shared: (link) => over(link, { settle: (id, used) => unlessLost(link.settle(id, used), []) }),
  },
  "an answer of a closed epoch is used": {
    teller: (counters) => ({ layDown: () => counters.teller.layDown(), entered: () => counters.entered() }),
  },
};

/** The same object but for some of its methods; private fields stay where they are. */
function over<T extends object>(base: T, own: Partial<T>): T {
  return new Proxy(base, {
    get(target, name) {
      const mine = Reflect.get(own, name) as unknown;
      if (mine !== undefined) return mine;
      if (name === "of") return () => over(base, own);
      const theirs = Reflect.get(target, name, target) as unknown;
      return typeof theirs === "function" ? (theirs as (...args: unknown[]) => unknown).bind(target) : theirs;
    },
  });
}

function unlessLost<T>(answer: Promise<T>, otherwise: T): Promise<T> {
  return answer.catch(() => otherwise);
}
