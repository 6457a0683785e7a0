import { z } from "zod";
import { environmentNameSchema } from "./keys.ts";

/** `POST /api/v1/tenants`. */
export interface TenantCreate {
  name: string;
}

export interface TenantAnswer {
  /** 32 hex digits: what the ledger and the log name it by. */
  id: string;
  name: string;
  environments: string[];
  created_at: string;
}

/** `POST /api/v1/environments`. */
export interface EnvironmentCreate {
  name: string;
}

export interface EnvironmentAnswer {
  name: string;
  created_at: string;
}

/** The name of the tenant that an installation has from the start; who serves nobody else needs to know nothing of tenants. */
export const DEFAULT_TENANT_NAME = "default";

/** Those that a new tenant has. */
export const FIRST_ENVIRONMENTS = ["dev", "prod", "staging"] as const;

export const tenantNameSchema: z.ZodType<string> = z
  .string({ error: "expected the name of a tenant, such as `acme`" })
  .regex(/^[a-z][a-z0-9-]{0,62}$/, {
    error: "expected a name of lower-case letters, digits and hyphens that begins with a letter, at most 63",
  });

export const tenantCreateSchema: z.ZodType<TenantCreate> = z.strictObject({ name: tenantNameSchema });
export const environmentCreateSchema: z.ZodType<EnvironmentCreate> = z.strictObject({ name: environmentNameSchema });
