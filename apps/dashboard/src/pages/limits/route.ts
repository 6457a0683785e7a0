import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../../app/root-route.tsx";
import { MEASURES, type Measure } from "../../parts/limit-words.ts";
import { SCOPE_KINDS, type ScopeKind } from "../../parts/scope.tsx";

/** Which limits are shown; what is absent is any. */
export interface LimitSearch {
  readonly measure?: Measure;
  readonly kind?: ScopeKind;
  /** The value of a scope of that kind. */
  readonly name?: string;
}

export const limitsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/limits",
  validateSearch: readSearch,
  component: lazyRouteComponent(() => import("./limits-page.tsx"), "LimitsPage"),
});

function readSearch({ measure, kind, name }: Record<string, unknown>): LimitSearch {
  const knownMeasure = MEASURES.find(({ value }) => value === measure)?.value;
  const knownKind = SCOPE_KINDS.find((each) => each === kind);
  return {
    ...(knownMeasure !== undefined && { measure: knownMeasure }),
    ...(knownKind !== undefined && { kind: knownKind }),
    ...(knownKind !== undefined && typeof name === "string" && name !== "" && { name }),
  };
}
