import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route.tsx";

/** Where an invitation leads: `/invitation#<token>`; what is behind the `#` reaches no server and no log. */
export const invitationRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/invitation",
  staticData: { isOpen: true },
  component: lazyRouteComponent(() => import("./invitation-page.tsx"), "InvitationPage"),
});
