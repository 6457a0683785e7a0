import {
  PROVIDER_KEY_STATES,
  providerKeySetSchema,
  providerNameSchema,
  type ProviderKeyAnswer,
} from "@tollhouse/contract";
import { z } from "zod";
import { endpoint, type Endpoint } from "../endpoint.ts";
import { environmentQuery } from "../routes/environment-asked.ts";
import { time } from "./fields.ts";

const providerKey: z.ZodType<ProviderKeyAnswer> = z
  .strictObject({
    id: z.string().meta({ description: "Another one for each secret." }),
    provider: z.string(),
    environment: z.string(),
    state: z.enum(PROVIDER_KEY_STATES).meta({
      description:
        "Only `active` ones are used. `origin_changed`: the provider has another address than the one it was stored for. With the others too, calls are refused until it is set again or deleted.",
    }),
    origin: z.string().meta({ description: "Scheme, host and port that it was stored for: it goes nowhere else." }),
    fingerprint: z.string().meta({ description: "The same for the same secret, in any environment of the tenant." }),
    last_four: z.string().nullable().meta({ description: "Null: not active, or too short to show a part of it." }),
    version: z.int().min(1),
    created_at: time,
    created_by: z.string(),
  })
  .meta({ id: "ProviderKey", description: "Without the secret, which no answer has." });

const params = z.strictObject({ provider: providerNameSchema });
const SAMPLE = {
  id: "pkey_019aa3b0c1d27e4f8a5b6c7d8e9f0a1b",
  provider: "openai",
  environment: "prod",
  state: "active" as const,
  origin: "https://api.openai.com",
  fingerprint: "9f2c4b1de07a6358",
  last_four: "k3Qz",
  version: 1,
  created_at: "2026-11-21T06:30:00.000Z",
  created_by: "admin-key",
};
const each = { tag: "provider-keys", keys: true, params, query: environmentQuery } as const;

export const setProviderKey = endpoint({
  ...each,
  operationId: "setProviderKey",
  method: "PUT",
  path: "/api/v1/provider-keys/{provider}",
  summary:
    "Set the tenant's own key for a provider, in one environment: its next call uses it instead of the installation's. With If-Match, a lost update is refused (412).",
  body: providerKeySetSchema.meta({ id: "ProviderKeySet" }),
  status: 200,
  answer: providerKey,
  etag: true,
  ifMatch: true,
  errors: ["PRECONDITION_FAILED", "VERSION_CONFLICT", "SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: {
    params: { provider: "openai" },
    body: { api_key: "sk-your-own-key-at-the-provider-k3Qz" },
    answer: SAMPLE,
  },
});

export const listProviderKeys = endpoint({
  operationId: "listProviderKeys",
  method: "GET",
  path: "/api/v1/provider-keys",
  tag: "provider-keys",
  summary: "The tenant's own provider keys of an environment, without their secrets.",
  keys: true,
  query: environmentQuery,
  status: 200,
  answer: z.strictObject({ provider_keys: z.array(providerKey) }),
  errors: [],
  example: { answer: { provider_keys: [SAMPLE] } },
});

export const getProviderKey = endpoint({
  ...each,
  operationId: "getProviderKey",
  method: "GET",
  path: "/api/v1/provider-keys/{provider}",
  summary: "One of them, without its secret.",
  status: 200,
  answer: providerKey,
  etag: true,
  errors: ["NOT_FOUND"],
  example: { params: { provider: "openai" }, answer: SAMPLE },
});

export const deleteProviderKey = endpoint({
  ...each,
  operationId: "deleteProviderKey",
  method: "DELETE",
  path: "/api/v1/provider-keys/{provider}",
  summary: "Delete it, at once and for good. Calls go on with the installation's key, where it has one.",
  status: 204,
  ifMatch: true,
  errors: ["NOT_FOUND", "PRECONDITION_FAILED", "VERSION_CONFLICT", "SPOOL_UNAVAILABLE"],
  example: { params: { provider: "openai" } },
});

export const PROVIDER_KEY_ENDPOINTS: readonly Endpoint[] = [
  setProviderKey,
  listProviderKeys,
  getProviderKey,
  deleteProviderKey,
];
