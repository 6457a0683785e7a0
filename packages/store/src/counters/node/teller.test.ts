import { describe, expect, test } from "vitest";
import { CountersUnavailable } from "../shared-counters.ts";
import { Teller, type Telling } from "./teller.ts";

/** What happened, in order: `append` is what its caller does behind `tell`, in the same turn. */
class Story {
  readonly seen: string[] = [];
  refuses = false;
  isAway = false;
  readonly teller = new Teller({
    max: 100,
    writtenOut: () => {
      if (this.refuses) this.seen.push("the disk refuses");
      else this.seen.push(...this.#appended.splice(0).map((id) => `${id} is written`));
      return !this.refuses;
    },
    failed: (error) => this.seen.push(String(error)),
    overflowed: () => this.seen.push("overflowed"),
  });
  readonly #appended: string[] = [];

  end(id: string, untilRebuild = false): void {
    const telling: Telling = {
      tenant: "a",
      untilRebuild,
      tell: () => {
        this.seen.push(`${id} is told`);
        return this.isAway ? Promise.reject(new CountersUnavailable("unreachable", "away")) : Promise.resolve();
      },
      told: null,
    };
    this.teller.tell(telling);
    this.#appended.push(id);
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("what ended is told to the counters", () => {
  test("in the turn in which it ended, and not before it is written down", async () => {
    const story = new Story();
    story.end("one");
    story.end("two");
    await Promise.resolve();
    expect(story.seen).toEqual([]);
    await turn();
    expect(story.seen).toEqual(["one is written", "two is written", "one is told", "two is told"]);
    expect(story.teller.untold).toBe(0);
  });

  test("before whoever asks next in that turn, and once", async () => {
    const story = new Story();
    story.end("one");
    story.teller.tellFresh();
    expect(story.seen).toEqual(["one is written", "one is told"]);
    story.end("two");
    await turn();
    expect(story.seen.slice(2)).toEqual(["two is written", "two is told"]);
  });

  test("not while the disk refuses to take it, and as soon as it does again", async () => {
    const story = new Story();
    story.refuses = true;
    story.end("one");
    await turn();
    expect(await story.teller.close(50)).toBe(false);
    expect(new Set(story.seen)).toEqual(new Set(["the disk refuses"]));
    story.refuses = false;
    story.seen.length = 0;
    await story.teller.goOn();
    expect(story.seen).toEqual(["one is written", "one is told"]);
  });

  test("again where it was not acknowledged, and what was appended meanwhile is written first", async () => {
    const story = new Story();
    story.isAway = true;
    story.end("one");
    await turn();
    story.isAway = false;
    story.end("two");
    await story.teller.goOn();
    await turn();
    expect(story.seen).toEqual(["one is written", "one is told", "two is written", "one is told", "two is told"]);
    expect(story.teller.untold).toBe(0);
  });

  test("but for what a rebuild counts that begins in the same turn", async () => {
    const story = new Story();
    story.end("in its sums", true);
    story.end("of a reservation");
    story.teller.layDown();
    await turn();
    expect(story.seen).toEqual([]);
    await story.teller.goOn();
    expect(story.seen.filter((what) => what.endsWith("told"))).toEqual(["of a reservation is told"]);
  });
});
