import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route.tsx";
import { isGroup, type Group } from "../../parts/groups.ts";
import { isRange, type Range } from "../../parts/range.ts";

interface OverviewSearch {
  /** Absent: the last seven days. */
  readonly range?: Range;
  /** By what spend is told apart; absent: by model. */
  readonly by?: Group;
}

export const overviewRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  validateSearch: ({ range, by }: Record<string, unknown>): OverviewSearch => ({
    ...(isRange(range) && { range }),
    ...(isGroup(by) && { by }),
  }),
  component: lazyRouteComponent(() => import("./overview-page.tsx"), "OverviewPage"),
});
