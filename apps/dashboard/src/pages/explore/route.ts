import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route.tsx";
import { isGroup, readFilters, type Filters, type Group } from "../../parts/groups.ts";
import { isRange, type Range } from "../../parts/range.ts";

export interface ExploreSearch extends Filters {
  /** Absent: the last seven days. */
  readonly range?: Range;
  /** Absent: the first that is not pinned down, from customer to user. */
  readonly by?: Group;
  /** Beside the span as long before it? */
  readonly compare?: boolean;
}

export function readExplore(search: Record<string, unknown>): ExploreSearch {
  const { range, by, compare } = search;
  return {
    ...readFilters(search),
    ...(isRange(range) && { range }),
    ...(isGroup(by) && { by }),
    ...(compare === true && { compare }),
  };
}

export const exploreRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/explore",
  validateSearch: readExplore,
  component: lazyRouteComponent(() => import("./explore-page.tsx"), "ExplorePage"),
});
