import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route.tsx";

/** How far to look back, in hours. */
export const LOOK_BACKS = [1, 24, 168, 720] as const;
export type LookBack = (typeof LOOK_BACKS)[number];

export interface SessionsSearch {
  /** Absent: a day. */
  readonly hours?: LookBack;
}

export const sessionsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sessions",
  validateSearch: ({ hours }: Record<string, unknown>): SessionsSearch => {
    const known = LOOK_BACKS.find((each) => each === Number(hours));
    return known === undefined ? {} : { hours: known };
  },
  component: lazyRouteComponent(() => import("./sessions-page.tsx"), "SessionsPage"),
});

export const sessionRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sessions/$session",
  component: lazyRouteComponent(() => import("./session-page.tsx"), "SessionPage"),
});
