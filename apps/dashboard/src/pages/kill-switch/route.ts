import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route.tsx";

export const killSwitchRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/kill-switch",
  component: lazyRouteComponent(() => import("./kill-switch-page.tsx"), "KillSwitchPage"),
});
