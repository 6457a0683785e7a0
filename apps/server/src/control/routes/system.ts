import type { FastifyInstance } from "fastify";
import type { SystemAnswer } from "@tollhouse/contract";
import { serve } from "../endpoint.ts";
import { getSystem } from "../endpoints/system.ts";

/** What the installation runs on: its admin's business alone, for it tells of all tenants' traffic. */
export function systemRoutes(status: () => Promise<SystemAnswer>): (app: FastifyInstance) => void {
  return (app) => serve(app, getSystem, () => status());
}
