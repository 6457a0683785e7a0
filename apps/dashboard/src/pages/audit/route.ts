import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route.tsx";

export interface AuditSearch {
  readonly action?: string;
  /** The id of what was changed. */
  readonly subject?: string;
  /** Days, both included: `2026-11-21`. In the viewer's zone. */
  readonly since?: string;
  readonly until?: string;
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;

export const auditRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/audit",
  validateSearch: ({ action, subject, since, until }: Record<string, unknown>): AuditSearch => ({
    ...(typeof action === "string" && action !== "" && { action }),
    ...(typeof subject === "string" && subject !== "" && { subject }),
    ...(typeof since === "string" && DAY.test(since) && { since }),
    ...(typeof until === "string" && DAY.test(until) && { until }),
  }),
  component: lazyRouteComponent(() => import("./audit-page.tsx"), "AuditPage"),
});
