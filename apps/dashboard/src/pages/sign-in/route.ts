import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route.tsx";

interface SignInSearch {
  /** The reason code of a single sign-on that was refused. */
  readonly reason?: string;
}

/** Where single sign-on ends that was refused, and where a bookmark may point. */
export const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-in",
  staticData: { isOpen: true },
  validateSearch: ({ reason }: Record<string, unknown>): SignInSearch => (typeof reason === "string" ? { reason } : {}),
  component: lazyRouteComponent(() => import("./sign-in-page.tsx"), "SignInPage"),
});
