import { z } from "zod";
import { DIMENSION_VALUE_LENGTH_MAX, isDimensionValue } from "./dimensions.ts";

export const PLAN_DESCRIPTION_LENGTH_MAX = 500;

/** The name stands in headers (`x-tollhouse-plan`) and in what policies are attached to. */
export const planNameSchema: z.ZodType<string> = z.string().refine(isDimensionValue, {
  error: `expected 1 to ${DIMENSION_VALUE_LENGTH_MAX} characters without control characters`,
});

/** `PUT /api/v1/plans/{name}`. What a plan allows is in the policies that are attached to it. */
export interface PlanPut {
  description: string;
}

export interface PlanAnswer {
  name: string;
  description: string;
  version: number;
}

/** `PUT /api/v1/users/{id}/plan`, `PUT /api/v1/customers/{id}/plan`. */
export interface PlanAssign {
  plan: string;
}

export const planPutSchema: z.ZodType<PlanPut> = z.strictObject({
  description: z
    .string()
    .max(PLAN_DESCRIPTION_LENGTH_MAX)
    // oxlint-disable-next-line no-control-regex
    .regex(/^[^\u0000-\u001f\u007f]*$/, { error: "expected a text without control characters" })
    .default(""),
});

export const planAssignSchema: z.ZodType<PlanAssign> = z.strictObject({ plan: planNameSchema });
