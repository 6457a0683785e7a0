import type { FastifyInstance, FastifyReply } from "fastify";
import type { AnomalyRuleAnswer } from "@tollhouse/contract";
import type { AnomalyService } from "../../anomalies/anomaly-service.ts";
import type { Place } from "../../place.ts";
import { placeOf, type Access } from "../access.ts";
import { serve } from "../endpoint.ts";
import {
  createAnomalyRule,
  deleteAnomalyRule,
  getAnomalyRule,
  listAnomalyRules,
  updateAnomalyRule,
} from "../endpoints/anomaly-rules.ts";
import { etagOf, ifMatchOf } from "../etag.ts";

/** `anomaliesOf`: the anomaly rules of an environment; throws a Problem where there is no such one. */
export function anomalyRuleRoutes(anomaliesOf: (place: Place) => AnomalyService): (app: FastifyInstance) => void {
  const of = (access: Access, query: { environment?: string | undefined }): AnomalyService =>
    anomaliesOf(placeOf(access, query.environment));
  return (app) => {
    serve(app, createAnomalyRule, async ({ body, query, request: { access }, reply }) => {
      const rule = await of(access, query).create(body, access.actor);
      return tagged(reply.header("location", `/api/v1/anomaly-rules/${rule.id}`), rule);
    });
    serve(app, listAnomalyRules, ({ query, request: { access } }) => ({ anomaly_rules: of(access, query).list() }));
    serve(app, getAnomalyRule, ({ params, query, request: { access }, reply }) =>
      tagged(reply, of(access, query).get(params.id)),
    );
    serve(app, updateAnomalyRule, async ({ params, query, body, request: { access, headers }, reply }) =>
      tagged(reply, await of(access, query).update(params.id, body, access.actor, ifMatchOf(headers["if-match"]))),
    );
    serve(app, deleteAnomalyRule, ({ params, query, request: { access, headers } }) =>
      of(access, query).remove(params.id, access.actor, ifMatchOf(headers["if-match"])),
    );
  };
}

/** When it was triggered last moves with every call, so no cache may answer for us. */
function tagged(reply: FastifyReply, rule: AnomalyRuleAnswer): AnomalyRuleAnswer {
  void reply.headers({ etag: etagOf(rule.version), "cache-control": "no-store" });
  return rule;
}
