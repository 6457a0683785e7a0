import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route.tsx";

/** How far to look back, in days. */
export const DAYS = [1, 7, 30, 365] as const;
export type Days = (typeof DAYS)[number];

export interface UsersSearch {
  /** Absent: 30. */
  readonly days?: Days;
}

export const usersRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/users",
  validateSearch: ({ days }: Record<string, unknown>): UsersSearch => {
    const known = DAYS.find((each) => each === Number(days));
    return known === undefined ? {} : { days: known };
  },
  component: lazyRouteComponent(() => import("./users-page.tsx"), "UsersPage"),
});

export const userRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/users/$user",
  component: lazyRouteComponent(() => import("./user-page.tsx"), "UserPage"),
});
