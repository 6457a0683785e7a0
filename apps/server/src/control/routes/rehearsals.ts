import type { FastifyInstance, FastifyReply } from "fastify";
import { REHEARSAL_ASSUMPTIONS } from "@tollhouse/contract";
import type { RehearsalService, Rehearsed } from "../../rehearsals/rehearsal-service.ts";
import type { RehearsedChange } from "../../rehearsals/rehearsal.ts";
import { placeOf } from "../access.ts";
import { serve } from "../endpoint.ts";
import { rehearsePolicy, type RehearsalAnswer } from "../endpoints/rehearsals.ts";
import { Exports, formatOf } from "../exports.ts";

type Line =
  | { readonly change: RehearsedChange }
  | { readonly progress: { readonly calls: number; readonly time: string } }
  | { readonly rehearsal: RehearsalAnswer };

/** Policies that are not in force, over calls that were made. */
export function rehearsalRoutes(rehearsals: RehearsalService): (app: FastifyInstance) => void {
  const exports = new Exports();
  return (app) => {
    app.addHook("onClose", () => rehearsals.close());
    serve(app, rehearsePolicy, async ({ body, query, request, reply }) => {
      const place = placeOf(request.access, query.environment);
      const signal = goneSignal(reply);
      if (formatOf(undefined, request.headers.accept) !== "ndjson") {
        const changes = new FirstChanges(body.limit);
        const rehearsed = await rehearsals.run(place, body, signal, (page) => changes.take(page));
        return answerOf(place.environment, rehearsed, changes);
      }
      const file = { format: "ndjson", name: "rehearsal", columns: [] } as const;
      return exports.send<Line>(reply, file, async (take) => {
        const rehearsed = await rehearsals.run(place, body, signal, (page, { calls }, atMs) =>
          take([...page.map((change) => ({ change })), { progress: { calls, time: new Date(atMs).toISOString() } }]),
        );
        await take([{ rehearsal: answerOf(place.environment, rehearsed, NO_CHANGES) }]);
      });
    });
  };
}

/** Whoever asked is gone: nothing is computed for nobody. */
function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once("close", () => {
    if (!raw.writableFinished) gone.abort();
  });
  return gone.signal;
}

/** As many as were asked for; of the others only how many there are. */
class FirstChanges {
  readonly list: RehearsedChange[] = [];
  readonly #most: number;
  leftOut = 0;

  constructor(most: number) {
    this.#most = most;
  }

  take(page: readonly RehearsedChange[]): Promise<void> {
    const room = this.#most - this.list.length;
    this.list.push(...page.slice(0, room));
    this.leftOut += Math.max(0, page.length - room);
    return Promise.resolve();
  }
}

/** Each was a line of its own. */
const NO_CHANGES: Pick<FirstChanges, "list" | "leftOut"> = { list: [], leftOut: 0 };

function answerOf(
  environment: string,
  { sums, draft, policies, fromMs, toMs }: Rehearsed,
  { list, leftOut }: Pick<FirstChanges, "list" | "leftOut">,
): RehearsalAnswer {
  return {
    environment,
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    policies,
    draft,
    ...sums,
    changes: list,
    changes_left_out: leftOut,
    assumptions: REHEARSAL_ASSUMPTIONS,
  };
}
