import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route.tsx";

export interface LedgerSearch {
  /** The call whose receipt is shown. */
  readonly receipt?: string;
}

export const ledgerRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/ledger",
  validateSearch: ({ receipt }: Record<string, unknown>): LedgerSearch =>
    typeof receipt === "string" && receipt !== "" ? { receipt } : {},
  component: lazyRouteComponent(() => import("./ledger-page.tsx"), "LedgerPage"),
});
