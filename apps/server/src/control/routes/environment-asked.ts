import type { FastifyRequest } from "fastify";
import { environmentNameSchema } from "@tollhouse/contract";
import { z } from "zod";
import { environmentOf } from "../access.ts";
import { parseInput } from "../control-api.ts";

/** `?environment=`, alone or with further parameters (`extend`). */
export const environmentQuery = z.strictObject({ environment: environmentNameSchema.optional() });

/** The environment of a request that has no other parameters: what the key is for, else `?environment=`, else `prod`. */
export function environmentAsked(request: FastifyRequest): string {
  return environmentOf(request.access, parseInput(environmentQuery, request.query).environment);
}
