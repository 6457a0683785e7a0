import type { FastifyInstance } from "fastify";
import { limitCreateSchema, limitUpdateSchema } from "@tollhouse/contract";
import type { LimitService } from "../../limits/limit-service.ts";
import { parseInput } from "../control-api.ts";

/** Who changes something, as the ledger names them. There is one admin key so far. */
const ACTOR = "admin-key";

export function limitRoutes(limits: LimitService): (app: FastifyInstance) => void {
  return (app) => {
    app.post("/api/v1/limits", async (request, reply) => {
      const limit = await limits.create(parseInput(limitCreateSchema, request.body), ACTOR);
      return reply.code(201).header("location", `/api/v1/limits/${limit.id}`).send(limit);
    });
    app.get("/api/v1/limits", () => ({ limits: limits.list() }));
    app.get<{ Params: { id: string } }>("/api/v1/limits/:id", (request) => limits.get(request.params.id));
    app.put<{ Params: { id: string } }>("/api/v1/limits/:id", (request) =>
      limits.update(request.params.id, parseInput(limitUpdateSchema, request.body), ACTOR),
    );
    app.delete<{ Params: { id: string } }>("/api/v1/limits/:id", async (request, reply) => {
      await limits.remove(request.params.id, ACTOR);
      return reply.code(204).send();
    });
  };
}
