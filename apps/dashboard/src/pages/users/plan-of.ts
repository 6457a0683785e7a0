import { ProblemError } from "../../api/problem.ts";
import { useOperation } from "../../api/use-operation.ts";

export type PlanHolder = "user" | "customer";

const ASKED = { user: "getUserPlan", customer: "getCustomerPlan" } as const;

/** The plan that a user or a customer was put on. `plan`: null = on none; undefined = not known, or not yet. */
export function usePlanOf(
  holder: PlanHolder,
  id: string,
): { readonly plan: string | null | undefined; readonly error: Error | null } {
  const { data, error } = useOperation(ASKED[holder], { params: { id } });
  if (error instanceof ProblemError && error.status === 404) return { plan: null, error: null };
  return { plan: error === null ? data?.plan : undefined, error };
}
