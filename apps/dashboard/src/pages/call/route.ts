import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route.tsx";

export const callRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/calls/$decision",
  component: lazyRouteComponent(() => import("./call-page.tsx"), "CallPage"),
});
