import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route.tsx";

export interface PricesSearch {
  readonly provider?: string;
  /** Part of a model's name. */
  readonly model?: string;
}

export const pricesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/prices",
  validateSearch: ({ provider, model }: Record<string, unknown>): PricesSearch => ({
    ...(typeof provider === "string" && provider !== "" && { provider }),
    ...(typeof model === "string" && model !== "" && { model }),
  }),
  component: lazyRouteComponent(() => import("./prices-page.tsx"), "PricesPage"),
});
