import type { PolicyVersion } from "@tollhouse/contract";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Place } from "../../place.ts";
import type { PolicyServices } from "../../policies/load-policies.ts";
import { VERSIONS_ALL, type PolicyService } from "../../policies/policy-service.ts";
import { placeOf, type Access } from "../access.ts";
import { serve } from "../endpoint.ts";
import {
  createPolicy,
  deletePolicy,
  getPolicy,
  listPolicies,
  listPolicyVersions,
  updatePolicy,
} from "../endpoints/policies.ts";
import { etagOf, ifMatchOf } from "../etag.ts";
import { planRoutes } from "./plans.ts";

/** Policies and plans. `servicesOf`: those of an environment; throws a Problem where there is no such one. */
export function policyRoutes(servicesOf: (place: Place) => PolicyServices): (app: FastifyInstance) => void {
  const of = (access: Access, query: { environment?: string | undefined }): PolicyService =>
    servicesOf(placeOf(access, query.environment)).policies;
  const plans = planRoutes(servicesOf);
  return (app) => {
    plans(app);
    serve(app, createPolicy, async ({ body, query, request: { access }, reply }) => {
      const policy = await of(access, query).create(body, access.actor);
      return tagged(reply.header("location", `/api/v1/policies/${policy.id}`), policy);
    });
    serve(app, listPolicies, async ({ query, request: { access } }) => {
      const page = await of(access, query).list(query.cursor ?? "", query.limit);
      return { policies: page.policies, next_cursor: page.next };
    });
    serve(app, getPolicy, async ({ params, query, request: { access }, reply }) =>
      tagged(reply, await of(access, query).get(params.id)),
    );
    serve(app, updatePolicy, async ({ params, query, body, request: { access, headers }, reply }) =>
      tagged(reply, await of(access, query).update(params.id, body, access.actor, ifMatchOf(headers["if-match"]))),
    );
    serve(app, listPolicyVersions, async ({ params: { id }, query, request: { access } }) => {
      const stored = await of(access, query).versions(id, query.cursor ?? VERSIONS_ALL, query.limit);
      const last = stored.length < query.limit ? undefined : stored.at(-1);
      return {
        versions: stored.map(({ version, createdAt: created_at, document }) => ({
          version,
          created_at,
          policy: document === null ? null : { ...document, id, version, created_at },
        })),
        next_cursor: last === undefined || last.version === 1 ? null : String(last.version),
      };
    });
    serve(app, deletePolicy, ({ params, query, request: { access, headers } }) =>
      of(access, query).remove(params.id, access.actor, ifMatchOf(headers["if-match"])),
    );
  };
}

function tagged(reply: FastifyReply, policy: PolicyVersion): PolicyVersion {
  void reply.header("etag", etagOf(policy.version));
  return policy;
}
