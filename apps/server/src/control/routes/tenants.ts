import type { FastifyInstance } from "fastify";
import type { TenantService } from "../../tenants/tenant-service.ts";
import { serve } from "../endpoint.ts";
import { createEnvironment, createTenant, getTenant, listEnvironments, listTenants } from "../endpoints/tenants.ts";

/** Who is served by this installation: its admin's business alone, but for the environments of one's own tenant. */
export function tenantRoutes(tenants: TenantService): (app: FastifyInstance) => void {
  return (app) => {
    serve(app, createTenant, async ({ body, request: { access }, reply }) => {
      const made = await tenants.create(body, access);
      void reply.header("location", `/api/v1/tenants/${made.name}`);
      return made;
    });
    serve(app, listTenants, ({ query: { cursor, limit } }) => {
      const page = tenants.list(cursor ?? "", limit);
      return { tenants: page.tenants, next_cursor: page.next };
    });
    serve(app, getTenant, ({ params }) => tenants.get(params.name));
    serve(app, createEnvironment, ({ body, request: { access } }) => tenants.createEnvironment(body, access));
    serve(app, listEnvironments, ({ request: { access } }) => ({ environments: tenants.environments(access) }));
  };
}
