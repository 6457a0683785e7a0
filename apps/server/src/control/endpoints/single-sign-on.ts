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

export const beginSaml = endpoint({
  ...open,
  operationId: "beginSaml",
  method: "GET",
  path: "/api/sign-in/saml",
  summary: "Go to the SAML identity provider.",
  errors: ["NOT_FOUND"],
  example: {},
});

export const completeSaml = endpoint({
  ...open,
  operationId: "completeSaml",
  method: "POST",
  path: "/api/sign-in/saml/callback",
  summary: "Come back from the SAML identity provider (HTTP-POST).",
  fromElsewhere: true,
  form: true,
  body: z.object({ SAMLResponse: z.string({ error: "expected a response of the identity provider" }) }),
  errors: ["NOT_FOUND", "REQUEST_TOO_LARGE"],
  example: { body: { SAMLResponse: "…" } },
});

export const getSamlMetadata = endpoint({
  operationId: "getSamlMetadata",
  method: "GET",
  path: "/api/sign-in/saml/metadata",
  tag: "sign-in",
  open: true,
  summary: "What the SAML identity provider must know of this Tollhouse.",
  status: 200,
  media: "application/samlmetadata+xml",
  answer: z.string(),
  errors: ["NOT_FOUND"],
  example: { answer: '<?xml version="1.0"?>…' },
});

export const SINGLE_SIGN_ON_ENDPOINTS: readonly Endpoint[] = [
  beginOidc,
  completeOidc,
  beginSaml,
  completeSaml,
  getSamlMetadata,
];
