import {
  CONFIGURATION_CHANNEL,
  configurationNews,
  INSTALLATION_ROLE,
  ListeningConnection,
  openDatabase,
  type OpenDatabase,
} from "@tollhouse/store";
import type { Logger } from "../process/logger.ts";
import type { TenantRegistry } from "../tenants/tenant-registry.ts";
import { ConfigurationFollower, type FollowerState } from "./configuration-follower.ts";
import { refreshServices } from "./refresh-services.ts";

export interface LoadFollowerParts {
  readonly url: string;
  readonly registry: TenantRegistry;
  /** `configurationVersion`, asked before anything was loaded. */
  readonly since: bigint;
  /** TOLLHOUSE_CONFIGURATION_STALE_SECONDS. */
  readonly staleMs: number;
  /** Told what is in force, once a second at least. */
  loaded(version: bigint): void;
  readonly logger: Pick<Logger, "warning">;
}

export interface Follower {
  state(): FollowerState;
  /** True: what is in force is too old to admit anything by it. */
  stale(): boolean;
  close(): Promise<void>;
}

/** A connection that does not answer must not keep a change from being read by another one. */
const ANSWER_TIMEOUT_MS = 5_000;
const CONNECTIONS = 4;

/**
 * From here on this process has in force, within a second, what any process on the database changes. Reads through connections of its own,
 * so that reports that hold the others delay no kill switch.
 */
export async function loadFollower(parts: LoadFollowerParts): Promise<Follower> {
  const { url, registry, since, staleMs, logger } = parts;
  const db = await openReader(url);
  // Of its own, and the same for questions and hints: no report keeps a change from being seen, and one that is dead is found out.
  const feed = new ListeningConnection({
    url,
    role: INSTALLATION_ROLE,
    channel: CONFIGURATION_CHANNEL,
    applicationName: "tollhouse configuration",
    onHint: () => follower.hint(),
  });
  const follower = new ConfigurationFollower({
    since,
    staleMs,
    loaded: (version) => parts.loaded(version),
    news: (version, changesMax) => configurationNews(feed, version, changesMax),
    refresh: (stale) => refreshServices(registry, db, stale),
    places: () => registry.places(),
    failed: (what, error) =>
      logger.warning("changes of the configuration could not be read; tried again in a second", {
        what,
        error: error instanceof Error ? error : new Error(String(error)),
      }),
    now: () => performance.now(),
  });
  return {
    state: () => follower.state(),
    stale: () => follower.stale(),
    async close() {
      const closing = follower.close();
      feed.close();
      await closing;
      await db.close();
    },
  };
}

function openReader(url: string): Promise<OpenDatabase> {
  return openDatabase(
    { url },
    {
      role: INSTALLATION_ROLE,
      connectionsMax: CONNECTIONS,
      applicationName: "tollhouse configuration",
      answerTimeoutMs: ANSWER_TIMEOUT_MS,
    },
  );
}
