import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route.tsx";

/** Which versions of a policy are held against each other; absent: the newest and the one before. */
export interface PolicySearch {
  readonly from?: number;
  readonly to?: number;
}

export const policiesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/policies",
  component: lazyRouteComponent(() => import("./policies-page.tsx"), "PoliciesPage"),
});

export const newPolicyRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/policies/new",
  component: lazyRouteComponent(() => import("./policy-edit-page.tsx"), "NewPolicyPage"),
});

export const policyRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/policies/$policy",
  validateSearch: ({ from, to }: Record<string, unknown>): PolicySearch => ({
    ...(isVersion(from) && { from }),
    ...(isVersion(to) && { to }),
  }),
  component: lazyRouteComponent(() => import("./policy-page.tsx"), "PolicyPage"),
});

export const editPolicyRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/policies/$policy/edit",
  component: lazyRouteComponent(() => import("./policy-edit-page.tsx"), "EditPolicyPage"),
});

export const POLICY_ROUTES = [policiesRoute, newPolicyRoute, policyRoute, editPolicyRoute] as const;

function isVersion(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0;
}
