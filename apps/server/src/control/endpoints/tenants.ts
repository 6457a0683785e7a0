import {
  environmentCreateSchema,
  tenantCreateSchema,
  tenantNameSchema,
  type EnvironmentAnswer,
  type TenantAnswer,
} from "@tollhouse/contract";
import { z } from "zod";
import { endpoint, type Endpoint } from "../endpoint.ts";
import { nextCursor, pageLimit, time } from "./fields.ts";

const tenant: z.ZodType<TenantAnswer> = z
  .strictObject({
    id: z
      .string()
      .regex(/^[0-9a-f]{32}$/)
      .meta({ description: "What the ledger and the log name it by." }),
    name: z.string(),
    environments: z.array(z.string()),
    created_at: time,
  })
  .meta({ id: "Tenant" });
const environment: z.ZodType<EnvironmentAnswer> = z
  .strictObject({ name: z.string(), created_at: time })
  .meta({ id: "Environment" });

const ACME = {
  id: "5f0c1e7a9b3d4c2e8a6f7b1d2c3e4f50",
  name: "acme",
  environments: ["dev", "prod", "staging"],
  created_at: "2026-11-21T06:30:00.000Z",
};
const EVALS = { name: "evals", created_at: "2026-11-21T06:30:00.000Z" };
/** They are about the installation, so that `tenant` is no parameter of theirs. */
const installation = { tag: "tenants", ofInstallation: true } as const;

export const createTenant = endpoint({
  ...installation,
  operationId: "createTenant",
  method: "POST",
  path: "/api/v1/tenants",
  summary:
    "Make a tenant, with the environments dev, prod and staging. It has no key yet: make one with `tenant` in the query of createKey. With a second tenant, /metrics asks for the admin key.",
  body: tenantCreateSchema.meta({ id: "TenantCreate" }),
  status: 201,
  answer: tenant,
  errors: ["ALREADY_EXISTS", "SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: { body: { name: "acme" }, answer: ACME },
});

export const listTenants = endpoint({
  ...installation,
  operationId: "listTenants",
  method: "GET",
  path: "/api/v1/tenants",
  summary: "Tenants by name.",
  query: z.strictObject({ limit: pageLimit, cursor: tenantNameSchema.optional() }),
  status: 200,
  answer: z.strictObject({ tenants: z.array(tenant), next_cursor: nextCursor }),
  errors: [],
  example: { answer: { tenants: [ACME], next_cursor: null } },
});

export const getTenant = endpoint({
  ...installation,
  operationId: "getTenant",
  method: "GET",
  path: "/api/v1/tenants/{name}",
  summary: "A tenant.",
  params: z.strictObject({ name: z.string().max(64) }),
  status: 200,
  answer: tenant,
  errors: ["NOT_FOUND"],
  example: { params: { name: "acme" }, answer: ACME },
});

export const createEnvironment = endpoint({
  operationId: "createEnvironment",
  method: "POST",
  path: "/api/v1/environments",
  tag: "tenants",
  summary: "Give a tenant another environment, in force at once.",
  body: environmentCreateSchema.meta({ id: "EnvironmentCreate" }),
  status: 201,
  answer: environment,
  errors: ["ALREADY_EXISTS", "SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: { body: { name: "evals" }, answer: EVALS },
});

export const listEnvironments = endpoint({
  operationId: "listEnvironments",
  method: "GET",
  path: "/api/v1/environments",
  tag: "tenants",
  summary: "Environments of the tenant; a key is told of its own one.",
  keys: true,
  status: 200,
  answer: z.strictObject({ environments: z.array(environment) }),
  errors: [],
  example: { answer: { environments: [EVALS] } },
});

export const TENANT_ENDPOINTS: readonly Endpoint[] = [
  createTenant,
  listTenants,
  getTenant,
  createEnvironment,
  listEnvironments,
];
