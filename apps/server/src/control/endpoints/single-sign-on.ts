import { z } from "zod";
import { endpoint, type Endpoint } from "../endpoint.ts";

/** They are places that a browser goes to, and not requests of a page: each ends at the dashboard, or at its sign-in page with the reason. */
const open = { tag: "sign-in", open: true, status: 302 } as const;

export const beginOidc = endpoint({
  ...open,
  operationId: "beginOidc",
  method: "GET",
  path: "/api/sign-in/oidc",
  summary: "Go to the OpenID provider.",
  errors: ["NOT_FOUND"],
  example: {},
});

export const completeOidc = endpoint({
  ...open,
  operationId: "completeOidc",
  method: "GET",
  path: "/api/sign-in/oidc/callback",
  summary: "Come back from the OpenID provider, which says what is in the query.",
  query: z.record(z.string(), z.unknown()),
  errors: ["NOT_FOUND"],
  example: {},
});

export const SINGLE_SIGN_ON_ENDPOINTS: readonly Endpoint[] = [beginOidc, completeOidc];
