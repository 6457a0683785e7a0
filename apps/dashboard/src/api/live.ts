import type { Call, LiveEntries, OperationId } from "@tollhouse/contract/control-client";
import { skipToken, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { usePlace } from "../app/place.ts";
import { SESSION_KEY } from "./session.ts";

/** Sums are asked again at most so often, however many calls there are. */
const RENEW_MS = 5_000;
const RETRY_MS = 10_000;
const FEED_MAX = 20;

/** What a recorded call makes old. The list of calls is not among them: it would move under the reader. */
const OF_CALLS: readonly OperationId[] = [
  "getSummary",
  "getUsage",
  "getUserSummary",
  "getStats",
  "getLimit",
  "listLimits",
  "listSessions",
  "getSession",
];

/** What a change makes old, by the noun of its action. */
const OF_CHANGES: Readonly<Record<string, readonly OperationId[]>> = {
  anomaly_rule: ["listAnomalyRules", "getAnomalyRule"],
  block: ["listBlocks", "getUserSummary", "getStats"],
  environment: ["listEnvironments"],
  key: ["listKeys", "getKey"],
  kill_switch: ["listKillSwitches", "getStats"],
  limit: ["listLimits", "getLimit", "getSummary", "getUserSummary"],
  payload_logging: ["getPayloadLogging"],
  plan: ["listPlans", "getPlan", "getUserSummary", "getUserPlan", "getCustomerPlan"],
  policy: ["listPolicies", "getPolicy", "listPolicyVersions"],
  retention: ["getRetention"],
  provider_key: ["listProviderKeys", "getProviderKey"],
  session: ["listSessions", "getSession", "getStats"],
  tenant: ["listTenants", "getTenant"],
};

const FEED = "live calls";
const IS_LIVE = "is live";

/** The newest calls that were told of while the page was open, newest first. */
export function useLiveCalls(): { readonly calls: readonly Call[]; readonly isLive: boolean } {
  const place = usePlace();
  const { data: calls } = useQuery<readonly Call[]>({ queryKey: [FEED, place], queryFn: skipToken });
  const { data: isLive } = useQuery<boolean>({ queryKey: [IS_LIVE], queryFn: skipToken });
  return { calls: calls ?? [], isLive: isLive === true };
}

/**
 * Listens, while the page is seen, to what becomes new at the viewer's place, and asks anew what that makes old. A page in the background
 * lets its connection go: a browser has six for a host, and that many tabs would keep each other from loading.
 */
export function useLive(): void {
  const client = useQueryClient();
  const place = usePlace();
  const { environment, tenant } = place;
  useEffect(() => {
    const listening = new Listening(client, {
      ...(environment !== undefined && { environment }),
      ...(tenant !== undefined && { tenant }),
    });
    return () => listening.stop();
  }, [client, environment, tenant]);
}

class Listening {
  readonly #client: QueryClient;
  readonly #place: Readonly<Record<string, string>>;
  readonly #old = new Set<OperationId>();
  readonly #stopped = new AbortController();
  #source: EventSource | null = null;
  #lastId: string | null = null;
  #renewing: number | null = null;
  #retrying: number | null = null;

  constructor(client: QueryClient, place: Readonly<Record<string, string>>) {
    this.#client = client;
    this.#place = place;
    document.addEventListener("visibilitychange", () => this.#look(), { signal: this.#stopped.signal });
    this.#look();
  }

  stop(): void {
    this.#stopped.abort();
    this.#close();
    for (const timer of [this.#renewing, this.#retrying]) if (timer !== null) clearTimeout(timer);
  }

  #look(): void {
    if (document.visibilityState === "hidden") this.#close();
    else if (this.#source === null) this.#open();
  }

  #close(): void {
    this.#source?.close();
    this.#source = null;
    this.#client.setQueryData([IS_LIVE], false);
  }

  #open(): void {
    const query = new URLSearchParams({
      follow: "true",
      ...this.#place,
      ...(this.#lastId !== null && this.#lastId !== "0" && { since: this.#lastId }),
    });
    const source = new EventSource(`/api/v1/events?${query.toString()}`);
    this.#source = source;
    source.addEventListener("ready", ({ lastEventId }) => {
      this.#lastId ??= lastEventId;
      this.#client.setQueryData([IS_LIVE], true);
    });
    source.addEventListener("entries", ({ data, lastEventId }) => {
      this.#lastId = lastEventId;
      this.#take(JSON.parse(data as string) as LiveEntries);
    });
    source.addEventListener("error", () => this.#failed(source));
  }

  /** A browser comes back by itself where a connection breaks, but not where it is refused. */
  #failed(source: EventSource): void {
    if (this.#source !== source) return;
    this.#client.setQueryData([IS_LIVE], false);
    if (source.readyState !== EventSource.CLOSED) return;
    this.#source = null;
    // Has the session ended? Then the page gives way to the sign-in.
    void this.#client.invalidateQueries({ queryKey: SESSION_KEY });
    this.#retrying = window.setTimeout(() => this.#look(), RETRY_MS);
  }

  #take({ calls, changes, more }: LiveEntries): void {
    if (calls.length > 0)
      this.#client.setQueryData<readonly Call[]>([FEED, this.#place], (before = []) => newestFirst(calls, before));
    if (calls.length > 0 || more) for (const operation of OF_CALLS) this.#old.add(operation);
    for (const { action } of changes)
      for (const operation of OF_CHANGES[action?.split(".", 1)[0] ?? ""] ?? []) this.#old.add(operation);
    if (changes.length > 0) this.#old.add("listAudit");
    // What somebody did is looked at by somebody else who waits for it.
    if (changes.length > 0) this.#renew();
    else this.#renewing ??= window.setTimeout(() => this.#renew(), RENEW_MS);
  }

  #renew(): void {
    if (this.#renewing !== null) clearTimeout(this.#renewing);
    this.#renewing = null;
    for (const operation of this.#old) void this.#client.invalidateQueries({ queryKey: [operation] });
    this.#old.clear();
  }
}

/** A call that is told anew, because it was amended, stands once. */
function newestFirst(told: readonly Call[], before: readonly Call[]): readonly Call[] {
  const all = [...told.toReversed(), ...before];
  const last = new Map(all.toReversed().map((call) => [call.decision, call]));
  return [...last.values()].toReversed().slice(0, FEED_MAX);
}
