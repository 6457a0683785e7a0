import { Problem } from "./problem.ts";

/** What a report says of its question is `<field>: expected …`; anything else is not the client's. */
export async function asProblem<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const [, field, problem] = error instanceof RangeError ? (/^([a-z_]+): (.*)$/s.exec(error.message) ?? []) : [];
    if (field === undefined || problem === undefined) throw error;
    throw new Problem("REQUEST_INVALID", `${field}: ${problem}`, [{ field, problem }]);
  }
}
