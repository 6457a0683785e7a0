import { randomBytes } from "node:crypto";
import {
  FENCE_CHANNEL,
  ListeningConnection,
  type NodeFigures,
  type Recorder,
  type SharedCounters,
  type Spool,
} from "@tollhouse/store";
import type { Logger } from "../process/logger.ts";
import { Fence, type FenceState, type Teller } from "./fence.ts";
import { Membership } from "./membership.ts";
import { rebuilder } from "./rebuild.ts";

export interface NodesParts {
  /** Of the database, and the role to act as. */
  readonly databaseUrl: string;
  readonly role: string;
  readonly spool: Pick<Spool, "node">;
  readonly recorder: Pick<Recorder, "layDown" | "goOn">;
  /** False: it was found with records, so this node may have counted what no shared counter has. */
  readonly spoolWasEmpty: boolean;
  readonly counters: SharedCounters;
  readonly teller: Teller;
  readonly node: {
    readonly name: string;
    readonly roles: readonly string[];
    readonly version: string;
    /** Where it listens; empty: it does not yet. */
    readonly address: () => string;
  };
  readonly figures: () => Omit<NodeFigures, "state" | "address">;
  /** Without an answer of the database for so long, this node admits nothing. */
  readonly withoutDatabaseMs: number;
  /** Another process has this node's spool folder, or a copy of it: this one must end. */
  readonly onReplaced: (reason: string) => void;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface Nodes {
  /** 32 hex digits, new with each process. */
  readonly instance: string;
  /** May a call be admitted? Costs a few comparisons. */
  admitting(): boolean;
  /** What `admitting` waits for; null: for nothing. */
  waitingFor(): "redis" | "counters" | "database" | null;
  /** A call waits for a rebuild rather than being refused: true as soon as it may be admitted, false when the time is over. */
  untilAdmitting(withinMs: number): Promise<boolean>;
  state(): FenceState;
  /** The counters have lost what only a rebuild brings back. */
  noticed(reason: string): void;
  /** From the next heartbeat on the others see it leaving. It goes on to admit what its caller lets through, and to take part. */
  drain(): void;
  /** The last thing before the recorder stops. `clean`: all there was is in the database, and the counters have been told. */
  close(options: { readonly clean: boolean }): Promise<void>;
}

/**
 * Makes this process one of the nodes that count together, in the background and for ever: it returns at once, and waits for neither
 * store. To be called after the spool was recovered and what was in it is recorded.
 */
export function loadNodes(parts: NodesParts): Nodes {
  const { spool, counters, logger, node } = parts;
  const instance = randomBytes(16).toString("hex");
  const process_ = { id: spool.node, instance };
  const connection = new ListeningConnection({
    url: parts.databaseUrl,
    role: parts.role,
    channel: FENCE_CHANNEL,
    applicationName: "tollhouse nodes",
    onHint: () => fence.nudge(),
  });
  const fence = new Fence({ ...parts, db: connection, process: process_, rebuild: rebuilder(parts) });
  const membership = new Membership({
    db: connection,
    joining: {
      ...process_,
      name: node.name,
      roles: node.roles,
      version: node.version,
      pid: process.pid,
      owes: !parts.spoolWasEmpty,
    },
    figures: parts.figures,
    address: node.address,
    withoutDatabaseMs: parts.withoutDatabaseMs,
    onJoined: () => fence.joined(),
    onHeard: (heard) => fence.heard(heard),
    onCutOff: (cutOff) => fence.cutOff(cutOff),
    onReplaced: parts.onReplaced,
    logger,
  });
  counters.onFenced((reason) => fence.noticed(reason));
  return {
    instance,
    admitting: () => fence.admitting,
    waitingFor: () => fence.waitingFor(),
    untilAdmitting: (withinMs) => fence.untilAdmitting(withinMs),
    state: () => fence.state(),
    noticed: (reason) => fence.noticed(reason),
    drain: () => membership.drain(),
    async close({ clean }) {
      await fence.close({ clean });
      await membership.close(clean);
      connection.close();
    },
  };
}
