import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import type { Call } from "@tollhouse/contract/control-client";
import { rootRoute } from "../../app/root-route.tsx";
import { readFilters, type Filters } from "../../parts/groups.ts";
import { isRange, type Range } from "../../parts/range.ts";

export const OUTCOMES = ["settled", "released", "blocked"] as const satisfies readonly Call["outcome"][];

export interface CallsSearch extends Filters {
  /** Absent: all that were recorded. */
  readonly range?: Range;
  readonly outcome?: Call["outcome"];
  readonly reason?: string;
  /** Dollars. */
  readonly min_cost?: string;
}

export const callsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/calls",
  validateSearch: (search: Record<string, unknown>): CallsSearch => {
    const { range, reason, min_cost } = search;
    const outcome = OUTCOMES.find((one) => one === search["outcome"]);
    return {
      ...readFilters(search),
      ...(isRange(range) && { range }),
      ...(outcome !== undefined && { outcome }),
      ...(typeof reason === "string" && { reason }),
      ...((typeof min_cost === "string" || typeof min_cost === "number") && { min_cost: String(min_cost) }),
    };
  },
  component: lazyRouteComponent(() => import("./calls-page.tsx"), "CallsPage"),
});
