import type { RecordedOnce } from "@tollhouse/store";
import { expect, test } from "vitest";
import { RecordOnce, type RecordClaims } from "./record-once.ts";

const place = { tenant: "t", environment: "prod" };
const names = [{ name: "n1", what: "The idempotency key" }];

/** What the database has: names that are taken, and those with an answer. */
class Table implements RecordClaims {
  readonly rows = new Map<string, RecordedOnce | null>();
  away = false;

  async take(_at: object, wanted: readonly string[]): Promise<boolean> {
    if (this.away) throw new Error("the database is away");
    if (wanted.some((name) => this.rows.has(name))) return false;
    for (const name of wanted) this.rows.set(name, null);
    return true;
  }

  async free(_at: object, taken: readonly string[]): Promise<void> {
    for (const name of taken) this.rows.delete(name);
  }
}

function node(table: Table): RecordOnce {
  return new RecordOnce({
    claims: table,
    find: async (_, wanted) =>
      new Map(wanted.flatMap((name) => (table.rows.get(name) ? [[name, table.rows.get(name) as RecordedOnce]] : []))),
    drained: async () => undefined,
    failed: () => undefined,
  });
}

test("of two nodes that are given one record at once, one makes it, and the other waits for that answer", async () => {
  const table = new Table();
  const made: string[] = [];
  const make = (by: string) => async (): Promise<string> => {
    made.push(by);
    await new Promise((resolve) => setTimeout(resolve, 20));
    table.rows.set("n1", { name: "n1", body: "b", answer: by });
    return by;
  };
  const answers = await Promise.all(["one", "two"].map((by) => node(table).run(place, names, "b", false, make(by))));
  expect(made).toHaveLength(1);
  expect(answers).toEqual([made[0], made[0]]);
  await expect(node(table).run(place, names, "other", false, make("three"))).rejects.toThrow(/another body/);
});

test("a record that fails leaves its names free for whoever is given it next", async () => {
  const table = new Table();
  await expect(node(table).run(place, names, "b", false, () => Promise.reject(new Error("full")))).rejects.toThrow(
    "full",
  );
  expect(await node(table).run(place, names, "b", false, async () => "made")).toBe("made");
});

test("while the database is away a check that is open here is recorded all the same, for it has one entry; nothing else is", async () => {
  const table = new Table();
  table.away = true;
  expect(await node(table).run(place, names, "b", true, async () => "made")).toBe("made");
  const refused = node(table).run(place, names, "b", false, async () => "made");
  await expect(refused).rejects.toMatchObject({ code: "LIMITS_UNAVAILABLE" });
});
