import {
  deleteSavedView,
  putSavedView,
  SAVED_VIEWS_MAX,
  savedViews,
  type Database,
  type SavedView,
} from "@tollhouse/store";
import type { FastifyInstance } from "fastify";
import { serve } from "../endpoint.ts";
import { deleteView, listViews, putView, type SavedViewAnswer } from "../endpoints/views.ts";
import { Problem } from "../problem.ts";

/** Questions that people keep for themselves: nobody sees, changes or removes another's. */
export function viewRoutes(dbOf: (tenant: string) => Database): (app: FastifyInstance) => void {
  return (app) => {
    serve(app, listViews, async ({ request: { access } }) => ({
      views: (await savedViews(dbOf(access.tenant), access)).map(answerOf),
    }));
    serve(app, putView, async ({ params, body, request: { access } }) => {
      const view = await putSavedView(dbOf(access.tenant), access, { ...params, ...body });
      if (view !== null) return answerOf(view);
      const problem = `expected one of the ${SAVED_VIEWS_MAX} that there are; remove one before you keep another`;
      throw new Problem("REQUEST_INVALID", `name: ${problem}`, [{ field: "name", problem }]);
    });
    serve(app, deleteView, async ({ params, request: { access } }) => {
      if (!(await deleteSavedView(dbOf(access.tenant), access, params.name)))
        throw new Problem("NOT_FOUND", `You keep no view of this name`);
    });
  };
}

function answerOf({ savedAt, ...view }: SavedView): SavedViewAnswer {
  return { ...view, saved_at: savedAt.toISOString() };
}
