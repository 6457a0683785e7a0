import { environmentNameSchema } from "@tollhouse/contract";
import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import { sequenceCursor } from "./fields.ts";

const eventsQuery = z.strictObject({
  environment: environmentNameSchema.optional(),
  since: sequenceCursor.meta({
    description:
      "The `id` of the last event that was read; the header `Last-Event-ID` says the same. Without it: from now on.",
  }),
  follow: z.enum(["true", "false"]).optional().meta({
    description: "`true`: it stays open, and goes on with what happens. Otherwise it ends with what there is.",
  }),
});
export type EventsQuery = z.infer<typeof eventsQuery>;

export const getEvents = endpoint({
  operationId: "getEvents",
  method: "GET",
  path: "/api/v1/events",
  tag: "reports",
  summary:
    "What becomes new, as server-sent events: `ready` once, then at most one `entries` a second with `calls` (as the list of calls has them), `changes` (as the audit has them, without what was before and after) and `more`: whether there was more than is told. Not for counting: reports do that.",
  keys: true,
  query: eventsQuery,
  status: 200,
  answer: z.string(),
  media: "text/event-stream",
  errors: [],
  example: { query: { environment: "prod" }, answer: "retry: 2000\nid: 17\nevent: ready\ndata: {}\n\n" },
});
