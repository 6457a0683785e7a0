import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route.tsx";
import { readDays } from "../users/days.ts";

export const customersRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/customers",
  validateSearch: readDays,
  component: lazyRouteComponent(() => import("./customers-page.tsx"), "CustomersPage"),
});

export const customerRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/customers/$customer",
  component: lazyRouteComponent(() => import("./customer-page.tsx"), "CustomerPage"),
});
