import type { FastifyInstance, FastifyRequest } from "fastify";
import {
  blocklistCreateSchema,
  killSwitchCreateSchema,
  killSwitchPreviewSchema,
  type BlockCreate,
  type BlockKind,
} from "@tollhouse/contract";
import type { ZodType } from "zod";
import type { BlockService } from "../../blocks/block-service.ts";
import type { BlockServices } from "../../blocks/load-block-services.ts";
import type { Place } from "../../place.ts";
import { parseInput } from "../control-api.ts";
import { placeAsked } from "./environment-asked.ts";

type Of = (request: FastifyRequest) => BlockService;

const open = { config: { keys: true as const } };

/**
 * Kill switches and the blocklist of an environment. Whoever may make one may lift it: the same permission stands before both.
 * `servicesOf` throws a Problem where there is no such environment.
 */
export function blockRoutes(servicesOf: (place: Place) => BlockServices): (app: FastifyInstance) => void {
  const of: Of = (request) => servicesOf(placeAsked(request)).blocks;
  return (app) => {
    register(app, of, { path: "/api/v1/kill-switches", kind: "kill_switch", schema: killSwitchCreateSchema });
    register(app, of, { path: "/api/v1/blocks", kind: "blocklist", schema: blocklistCreateSchema });
    app.post("/api/v1/kill-switches/preview", open, (request) =>
      of(request).preview(parseInput(killSwitchPreviewSchema, request.body).scope),
    );
  };
}

interface Listed {
  readonly path: string;
  readonly kind: BlockKind;
  readonly schema: ZodType<BlockCreate>;
}

function register(app: FastifyInstance, of: Of, { path, kind, schema }: Listed): void {
  const name = kind === "kill_switch" ? "kill_switches" : "blocks";
  app.post(path, open, async (request, reply) => {
    const made = await of(request).create(kind, parseInput(schema, request.body), request.access.actor);
    return reply.code(201).header("location", `${path}/${made.id}`).send(made);
  });
  app.get(path, open, (request) => ({ [name]: of(request).list(kind) }));
  app.get<{ Params: { id: string } }>(`${path}/:id`, open, (request) => of(request).get(kind, request.params.id));
  app.delete<{ Params: { id: string } }>(`${path}/:id`, open, async (request, reply) => {
    await of(request).lift(kind, request.params.id, request.access.actor);
    return reply.code(204).send();
  });
}
