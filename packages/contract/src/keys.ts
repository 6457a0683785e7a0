import { z } from "zod";
import { DIMENSION_VALUE_LENGTH_MAX, DIMENSIONS, isDimensionValue, type Dimension } from "./dimensions.ts";

/** call: models through the gateway. record: usage of calls made elsewhere. read, manage: the control API of the key's environment. */
export const KEY_PERMISSIONS = ["call", "record", "read", "manage"] as const;
export type KeyPermission = (typeof KEY_PERMISSIONS)[number];

/** What a client may say of itself by header, where its key lets it. */
export const SETTABLE = [...DIMENSIONS, "plan"] as const;
export type Settable = (typeof SETTABLE)[number];

export const KEY_BOUNDS = {
  nameLength: 128,
  models: 100,
  modelLength: 128,
  /** A minute's requests or tokens; a thousand million still counts exactly. */
  rate: 1_000_000_000,
  overlapSeconds: 30 * 24 * 3_600,
} as const;

export type FixedDimensions = { [D in Dimension]?: string | undefined };

/** `POST /api/v1/keys`. */
export interface KeyCreate {
  name: string;
  /** Without one: that of `?environment=`, else `prod`. */
  environment?: string | undefined;
  permissions: KeyPermission[];
  /** Dimensions of every call of this key, whatever its headers say. */
  fixed: FixedDimensions;
  /** What the holder may set by header: dimensions and the plan; null = all that is not fixed. */
  settable: Settable[] | null;
  /** Globs of the models it may use; null = all. */
  models: string[] | null;
  requests_per_minute: number | null;
  tokens_per_minute: number | null;
  /** RFC 3339; null = never. */
  expires_at: string | null;
}

/** `PUT /api/v1/keys/{id}`: what is missing stays; the version is the one that was read (a lost update is refused). */
export type KeyUpdate = { [F in Exclude<keyof KeyCreate, "environment">]?: KeyCreate[F] | undefined } & {
  version?: number | undefined;
};

/** `POST /api/v1/keys/{id}/rotate`: the secret of now stays valid for so long beside the new one. */
export interface KeyRotate {
  overlap_seconds: number;
}

/** A key as the control API answers it: everything but its secret, which nobody has but its holder. */
export interface KeyAnswer extends Required<Omit<KeyCreate, "environment">> {
  /** `key_…`; limits name it as `key:key_…`. */
  id: string;
  environment: string;
  version: number;
  created_at: string;
  revoked_at: string | null;
  /** At most a minute behind. */
  last_used_at: string | null;
  /** Until when the secret before the last rotation is valid; null = it is not. */
  previous_valid_until: string | null;
}

/** Answered once, by `POST /api/v1/keys` and `…/rotate`. */
export interface KeyMade extends KeyAnswer {
  /** `th_<env>_<id>_<secret>_<checksum>`: shown now and never again. */
  key: string;
}

const dimensionValue = z.string().refine(isDimensionValue, {
  error: `expected 1 to ${DIMENSION_VALUE_LENGTH_MAX} characters without control characters`,
});
const fixed: z.ZodType<FixedDimensions> = z.strictObject(
  Object.fromEntries(DIMENSIONS.map((name) => [name, dimensionValue.optional()])),
);
const perMinute = z
  .number({ error: "expected a whole number above 0, or null" })
  .int({ error: "expected a whole number" })
  .positive({ error: "expected a number above 0" })
  .max(KEY_BOUNDS.rate, { error: `expected at most ${KEY_BOUNDS.rate}` })
  .nullable();
const model = z
  .string()
  .max(KEY_BOUNDS.modelLength, { error: `expected at most ${KEY_BOUNDS.modelLength} characters` })
  .refine(isDimensionValue, { error: "expected a glob, such as `gpt-4o*`" });
const fields = {
  name: z
    .string()
    .max(KEY_BOUNDS.nameLength, { error: `expected at most ${KEY_BOUNDS.nameLength} characters` })
    .refine(isDimensionValue, { error: "expected a name without control characters" }),
  permissions: z.array(z.enum(KEY_PERMISSIONS)).min(1, { error: "expected at least one permission" }),
  fixed,
  settable: z.array(z.enum(SETTABLE)).nullable(),
  models: z
    .array(model)
    .min(1, { error: "expected at least one glob, or null for all models" })
    .max(KEY_BOUNDS.models, { error: `expected at most ${KEY_BOUNDS.models} globs` })
    .nullable(),
  requests_per_minute: perMinute,
  tokens_per_minute: perMinute,
  expires_at: z.iso
    .datetime({ offset: true, error: "expected a time such as 2027-01-01T00:00:00Z, or null" })
    .nullable(),
};

/** The name of an environment stands in the text of its keys. */
export const environmentNameSchema: z.ZodType<string> = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, { error: "expected the name of an environment, such as `dev` or `prod`" });

export const keyCreateSchema: z.ZodType<KeyCreate> = z.strictObject({
  name: fields.name,
  environment: environmentNameSchema.optional(),
  permissions: fields.permissions.default(["call"]),
  fixed: fields.fixed.default({}),
  settable: fields.settable.default(null),
  models: fields.models.default(null),
  requests_per_minute: fields.requests_per_minute.default(null),
  tokens_per_minute: fields.tokens_per_minute.default(null),
  expires_at: fields.expires_at.default(null),
});

export const keyUpdateSchema: z.ZodType<KeyUpdate> = z.strictObject({
  ...Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, schema.optional()])),
  version: z.number().int().positive().optional(),
});

export const keyRotateSchema: z.ZodType<KeyRotate> = z.strictObject({
  overlap_seconds: z
    .number({ error: "expected a whole number of seconds" })
    .int({ error: "expected a whole number of seconds" })
    .min(0, { error: "expected 0 or above" })
    .max(KEY_BOUNDS.overlapSeconds, { error: `expected at most ${KEY_BOUNDS.overlapSeconds}` })
    .default(24 * 3_600),
});
