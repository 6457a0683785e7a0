import type { PlanAnswer } from "@tollhouse/contract";
import type { PlanHolder } from "@tollhouse/engine";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Place } from "../../place.ts";
import type { PolicyServices } from "../../policies/load-policies.ts";
import type { PlanService } from "../../policies/plan-service.ts";
import { placeOf, type Access } from "../access.ts";
import { serve } from "../endpoint.ts";
import {
  assignCustomerPlan,
  assignUserPlan,
  deletePlan,
  getCustomerPlan,
  getPlan,
  getUserPlan,
  listPlans,
  putPlan,
  unassignCustomerPlan,
  unassignUserPlan,
} from "../endpoints/plans.ts";
import { etagOf, ifMatchOf } from "../etag.ts";

const OF_HOLDER = [
  ["user", assignUserPlan, getUserPlan, unassignUserPlan],
  ["customer", assignCustomerPlan, getCustomerPlan, unassignCustomerPlan],
] as const satisfies readonly (readonly [PlanHolder, ...unknown[]])[];

const CURSOR = "plan:";

export function planRoutes(servicesOf: (place: Place) => PolicyServices): (app: FastifyInstance) => void {
  const of = (access: Access, query: { environment?: string | undefined }): PlanService =>
    servicesOf(placeOf(access, query.environment)).plans;
  return (app) => {
    serve(app, putPlan, async ({ params, query, body, request: { access, headers }, reply }) =>
      tagged(reply, await of(access, query).put(params.name, body, access.actor, ifMatchOf(headers["if-match"]))),
    );
    serve(app, listPlans, ({ query, request: { access } }) => {
      // Any text is a name: what marks a cursor keeps it from being taken for one.
      const { plans, next } = of(access, query).list(query.cursor?.slice(CURSOR.length) ?? "", query.limit);
      return { plans, next_cursor: next === null ? null : `${CURSOR}${next}` };
    });
    serve(app, getPlan, ({ params, query, request: { access }, reply }) =>
      tagged(reply, of(access, query).get(params.name)),
    );
    serve(app, deletePlan, ({ params, query, request: { access, headers } }) =>
      of(access, query).remove(params.name, access.actor, ifMatchOf(headers["if-match"])),
    );
    for (const [holder, assign, get, unassign] of OF_HOLDER) {
      serve(app, assign, async ({ params, query, body, request: { access } }) => {
        await of(access, query).assign({ holder, value: params.id }, body.plan, access.actor);
        return { plan: body.plan };
      });
      serve(app, get, ({ params, query, request: { access } }) => ({
        plan: of(access, query).planOfHolder({ holder, value: params.id }),
      }));
      serve(app, unassign, ({ params, query, request: { access } }) =>
        of(access, query).assign({ holder, value: params.id }, null, access.actor),
      );
    }
  };
}

function tagged(reply: FastifyReply, plan: PlanAnswer): PlanAnswer {
  void reply.header("etag", etagOf(plan.version));
  return plan;
}
