import type { FastifyInstance, FastifyRequest } from "fastify";
import type { BlockService } from "../../blocks/block-service.ts";
import { killEverywhere, liftEverywhere, previewEverywhere } from "../../blocks/everywhere.ts";
import type { BlockServices } from "../../blocks/load-block-services.ts";
import type { Place } from "../../place.ts";
import { placeOf } from "../access.ts";
import { serve } from "../endpoint.ts";
import {
  createBlock,
  createKillSwitch,
  createKillSwitchEverywhere,
  deleteBlock,
  deleteKillSwitch,
  deleteKillSwitchEverywhere,
  getBlock,
  getKillSwitch,
  listBlocks,
  listKillSwitches,
  previewKillSwitch,
  previewKillSwitchEverywhere,
} from "../endpoints/blocks.ts";

interface Asked {
  readonly query: { readonly environment?: string | undefined };
  readonly request: FastifyRequest;
}

/**
 * Kill switches and the blocklist of an environment. Whoever may make one may lift it: the same permission stands before both.
 * `servicesOf` throws a Problem where there is no such environment.
 */
export function blockRoutes(servicesOf: (place: Place) => BlockServices): (app: FastifyInstance) => void {
  const of = ({ query, request }: Asked): BlockService => servicesOf(placeOf(request.access, query.environment)).blocks;
  const everyOf = (request: FastifyRequest): BlockServices["everywhere"] =>
    servicesOf(placeOf(request.access, undefined)).everywhere;
  return (app) => {
    serve(app, createKillSwitch, async (asked) => {
      const made = await of(asked).create("kill_switch", asked.body, asked.request.access.actor);
      void asked.reply.header("location", `/api/v1/kill-switches/${made.id}`);
      return made;
    });
    serve(app, listKillSwitches, (asked) => ({ kill_switches: of(asked).list("kill_switch") }));
    serve(app, createKillSwitchEverywhere, ({ body, request }) =>
      killEverywhere(everyOf(request), body, request.access.actor),
    );
    serve(app, deleteKillSwitchEverywhere, ({ query, request }) =>
      liftEverywhere(everyOf(request), query.scope, request.access.actor),
    );
    serve(app, previewKillSwitchEverywhere, ({ body, request }) => previewEverywhere(everyOf(request), body.scope));
    serve(app, previewKillSwitch, (asked) => of(asked).preview(asked.body.scope));
    serve(app, getKillSwitch, (asked) => of(asked).get("kill_switch", asked.params.id));
    serve(app, deleteKillSwitch, (asked) => of(asked).lift("kill_switch", asked.params.id, asked.request.access.actor));
    serve(app, createBlock, async (asked) => {
      const made = await of(asked).create("blocklist", asked.body, asked.request.access.actor);
      void asked.reply.header("location", `/api/v1/blocks/${made.id}`);
      return made;
    });
    serve(app, listBlocks, (asked) => of(asked).page("blocklist", asked.query));
    serve(app, getBlock, (asked) => of(asked).get("blocklist", asked.params.id));
    serve(app, deleteBlock, (asked) => of(asked).lift("blocklist", asked.params.id, asked.request.access.actor));
  };
}
