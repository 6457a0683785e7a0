import { createRootRoute, retainSearchParams } from "@tanstack/react-router";
import { NotFound } from "../frame/not-found.tsx";
import { PageFailed } from "../frame/page-failed.tsx";
import { SignedInFrame } from "../frame/signed-in-frame.tsx";
import { readPlace, type Place } from "./place.ts";

/** Everything around a page. Tenant and environment stay in the address from page to page. */
export const rootRoute = createRootRoute({
  validateSearch: (search: Record<string, unknown>): Place => readPlace(search),
  search: { middlewares: [retainSearchParams(["environment", "tenant"])] },
  component: SignedInFrame,
  notFoundComponent: NotFound,
  errorComponent: PageFailed,
});
