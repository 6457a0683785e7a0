import { createRouter } from "@tanstack/react-router";
import { keysRoute } from "../pages/keys/route.ts";
import { invitationRoute } from "../pages/invitation/route.ts";
import { killSwitchRoute } from "../pages/kill-switch/route.ts";
import { limitsRoute } from "../pages/limits/route.ts";
import { overviewRoute } from "../pages/overview/route.ts";
import { sessionRoute, sessionsRoute } from "../pages/sessions/route.ts";
import { signInRoute } from "../pages/sign-in/route.ts";
import { userRoute, usersRoute } from "../pages/users/route.ts";
import { rootRoute } from "./root-route.tsx";

/** Every page there is, in the order of the navigation. */
const routeTree = rootRoute.addChildren([
  overviewRoute,
  sessionsRoute,
  sessionRoute,
  usersRoute,
  userRoute,
  limitsRoute,
  killSwitchRoute,
  keysRoute,
  signInRoute,
  invitationRoute,
]);

export const router = createRouter({
  routeTree,
  basepath: "/dashboard",
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
