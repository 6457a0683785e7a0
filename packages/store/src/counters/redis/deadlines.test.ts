import { expect, test } from "vitest";
import { Deadlines } from "./deadlines.ts";

const late = (): Error => new Error("late");

/** As a burst of calls does: nothing else runs meanwhile. */
function keepBusy(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

test("work that does not end in time is rejected, and work that does is not", async () => {
  const deadlines = new Deadlines(50);
  await expect(deadlines.within(new Promise(() => undefined), late)).rejects.toThrow("late");
  await expect(deadlines.within(Promise.resolve(7), late)).resolves.toBe(7);
});

test("time that this process took for itself is not the store's: an answer soon after is taken", async () => {
  const deadlines = new Deadlines(500);
  const answered = deadlines.within(
    new Promise((resolve) => setImmediate(() => setTimeout(() => resolve("an answer"), 50))),
    late,
  );
  keepBusy(1_500);
  await expect(answered).resolves.toBe("an answer");
});

test("once: work that never ends is rejected however busy the process was", async () => {
  const deadlines = new Deadlines(50);
  const unanswered = deadlines.within(new Promise(() => undefined), late);
  keepBusy(200);
  await expect(unanswered).rejects.toThrow("late");
});
