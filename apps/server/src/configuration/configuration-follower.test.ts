import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ConfigurationChange, ConfigurationNews, ConfigurationSubject } from "@tollhouse/store";
import { ConfigurationFollower, type FollowerParts } from "./configuration-follower.ts";
import type { Stale } from "./refresh-services.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A log that can be away, and services that can fail or be slow. */
class Log {
  readonly changes: ConfigurationChange[] = [];
  readonly read: string[] = [];
  readonly told: bigint[] = [];
  readonly complaints: string[] = [];
  readonly waiting = new Map<string, () => void>();
  readonly slow = new Set<string>();
  readonly broken = new Set<string>();
  away = false;
  polls = 0;

  tell(subject: ConfigurationSubject, ids: string[] | null = null, environment = "prod"): void {
    this.changes.push({ version: BigInt(this.changes.length) + 1n, tenant: "t", environment, subject, ids });
  }

  follower(over: Partial<FollowerParts> = {}): ConfigurationFollower {
    return new ConfigurationFollower({
      news: async (version, max): Promise<ConfigurationNews> => {
        this.polls += 1;
        if (this.away) throw new Error("away");
        const changes = this.changes.slice(Number(version), Number(version) + max);
        return { newest: BigInt(this.changes.length), changes, gap: false };
      },
      refresh: async (stale) => this.#refresh(stale),
      places: () => [],
      loaded: (version) => void this.told.push(version),
      failed: (what) => void this.complaints.push(what),
      since: 0n,
      staleMs: 10_000,
      now: () => Date.now(),
      ...over,
    });
  }

  async #refresh({ subject, environment, ids }: Stale): Promise<void> {
    const name = `${environment} ${subject}`;
    if (this.slow.has(name)) await new Promise<void>((resolve) => this.waiting.set(name, resolve));
    if (this.broken.has(name)) throw new Error("cannot be read");
    this.read.push(`${name} ${ids?.join(",") ?? "all"}`);
  }
}

test("a hint is answered at once, and a change that nobody hinted at within a second", async () => {
  const log = new Log();
  const follower = log.follower();
  await vi.advanceTimersByTimeAsync(0);
  log.tell("limits", ["a"]);
  await vi.advanceTimersByTimeAsync(999);
  expect(log.read).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(log.read).toEqual(["prod limits a"]);
  log.tell("limits", ["b"]);
  follower.hint();
  await vi.advanceTimersByTimeAsync(0);
  expect(log.read).toEqual(["prod limits a", "prod limits b"]);
  await follower.close();
});

test("changes of one subject are read together; all of it where one of them says so", async () => {
  const log = new Log();
  log.tell("limits", ["a", "b"]);
  log.tell("limits", ["b", "c"]);
  log.tell("keys", ["k"]);
  log.tell("keys", null);
  const follower = log.follower();
  await vi.advanceTimersByTimeAsync(0);
  expect(log.read).toEqual(["prod limits a,b,c", "prod keys all"]);
  await follower.close();
});

test("what cannot be read stops nothing else; the version that is told stays before it, and its age grows until it is read", async () => {
  const log = new Log();
  log.broken.add("prod policies");
  for (const subject of ["limits", "policies", "keys"] as const) log.tell(subject, ["a"]);
  const follower = log.follower();
  await vi.advanceTimersByTimeAsync(12_000);
  expect(log.read).toEqual(["prod limits a", "prod keys a"]);
  expect([follower.state().version, follower.state().newest, follower.stale()]).toEqual([1n, 3n, true]);
  // Said once, and not each second.
  expect(log.complaints).toEqual(["policies"]);
  log.broken.clear();
  await vi.advanceTimersByTimeAsync(1_000);
  expect([follower.state().version, follower.stale(), follower.state().staleForMs]).toEqual([3n, false, 0]);
  await follower.close();
});

test("a stop waits for nothing, however much else is being read", async () => {
  const log = new Log();
  for (let i = 0; i < 20; i++) {
    log.slow.add(`e${i} limits`);
    log.tell("limits", null, `e${i}`);
  }
  const follower = log.follower();
  await vi.advanceTimersByTimeAsync(0);
  expect(log.waiting.size).toBe(8);
  log.tell("blocks", ["kill"]);
  follower.hint();
  await vi.advanceTimersByTimeAsync(0);
  expect(log.read).toEqual(["prod blocks kill"]);
  while (log.read.length < 21) {
    for (const done of log.waiting.values()) done();
    await vi.advanceTimersByTimeAsync(0);
  }
  expect(follower.state().version).toBe(21n);
  await follower.close();
});

test("what changes while it is being read is read once more", async () => {
  const log = new Log();
  log.slow.add("prod limits");
  log.tell("limits", ["a"]);
  const follower = log.follower();
  await vi.advanceTimersByTimeAsync(0);
  log.tell("limits", ["a"]);
  follower.hint();
  await vi.advanceTimersByTimeAsync(0);
  log.slow.clear();
  log.waiting.get("prod limits")?.();
  await vi.advanceTimersByTimeAsync(0);
  expect(log.read).toEqual(["prod limits a", "prod limits a"]);
  expect(log.told.at(-1)).toBe(2n);
  await follower.close();
});

test("a new tenant is loaded before anything of it is read", async () => {
  const log = new Log();
  log.slow.add("null tenants");
  log.changes.push({ version: 1n, tenant: "t", environment: null, subject: "tenants", ids: null });
  log.tell("limits", ["a"]);
  const follower = log.follower();
  await vi.advanceTimersByTimeAsync(0);
  expect(log.read).toEqual([]);
  log.waiting.get("null tenants")?.();
  await vi.advanceTimersByTimeAsync(0);
  expect(log.read).toEqual(["null tenants all", "prod limits a"]);
  await follower.close();
});

test("while the database is away, and before it has answered once, the age says so", async () => {
  const log = new Log();
  log.away = true;
  const follower = log.follower();
  await vi.advanceTimersByTimeAsync(1_000);
  expect([follower.stale(), follower.state().staleForMs]).toEqual([true, Infinity]);
  log.away = false;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(follower.stale()).toBe(false);
  log.away = true;
  await vi.advanceTimersByTimeAsync(10_000);
  expect([follower.stale(), follower.state().staleForMs]).toEqual([false, 10_000]);
  await vi.advanceTimersByTimeAsync(1);
  expect(follower.stale()).toBe(true);
  await follower.close();
});
