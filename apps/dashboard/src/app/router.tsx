import { createRouter } from "@tanstack/react-router";
import { auditRoute } from "../pages/audit/route.ts";
import { callRoute } from "../pages/call/route.ts";
import { callsRoute } from "../pages/calls/route.ts";
import { customerRoute, customersRoute } from "../pages/customers/route.ts";
import { exploreRoute } from "../pages/explore/route.ts";
import { keysRoute } from "../pages/keys/route.ts";
import { invitationRoute } from "../pages/invitation/route.ts";
import { killSwitchRoute } from "../pages/kill-switch/route.ts";
import { limitsRoute } from "../pages/limits/route.ts";
import { ledgerRoute } from "../pages/ledger/route.ts";
import { membersRoute } from "../pages/members/route.ts";
import { overviewRoute } from "../pages/overview/route.ts";
import { POLICY_ROUTES } from "../pages/policies/route.ts";
import { sessionRoute, sessionsRoute } from "../pages/sessions/route.ts";
import { pricesRoute } from "../pages/prices/route.ts";
import { settingsRoute } from "../pages/settings/route.ts";
import { signInRoute } from "../pages/sign-in/route.ts";
import { userRoute, usersRoute } from "../pages/users/route.ts";
import { systemRoute } from "../pages/system/route.ts";
import { rootRoute } from "./root-route.tsx";

/** Every page there is, in the order of the navigation. */
const routeTree = rootRoute.addChildren([
  overviewRoute,
  exploreRoute,
  callsRoute,
  callRoute,
  sessionsRoute,
  sessionRoute,
  usersRoute,
  userRoute,
  customersRoute,
  customerRoute,
  limitsRoute,
  ...POLICY_ROUTES,
  killSwitchRoute,
  keysRoute,
  pricesRoute,
  ledgerRoute,
  auditRoute,
  systemRoute,
  membersRoute,
  settingsRoute,
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
