import type { FastifyRequest } from "fastify";
import { environmentNameSchema } from "@tollhouse/contract";
import { z } from "zod";
import { placeOf } from "../access.ts";
import type { Place } from "../../place.ts";
import { parseInput } from "../control-api.ts";

/** `?environment=`, alone or with further parameters (`extend`). */
export const environmentQuery = z.strictObject({ environment: environmentNameSchema.optional() });

/** The place of a request that has no other parameters: what the key is for, else `?environment=`, else `prod`. */
export function placeAsked(request: FastifyRequest): Place {
  return placeOf(request.access, parseInput(environmentQuery, request.query).environment);
}
