import { Problem } from "../control/problem.ts";

/** Throws LIMITS_UNAVAILABLE where `promise` takes longer: it waits for the recorder. */
export async function within(promise: Promise<void>, ms: number): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Problem("LIMITS_UNAVAILABLE", "The ledger is behind, so what was spent is not known yet")),
    ms,
  );
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
