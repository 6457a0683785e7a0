import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route.tsx";
import { readDays } from "./days.ts";

export const usersRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/users",
  validateSearch: readDays,
  component: lazyRouteComponent(() => import("./users-page.tsx"), "UsersPage"),
});

export const userRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/users/$user",
  component: lazyRouteComponent(() => import("./user-page.tsx"), "UserPage"),
});
