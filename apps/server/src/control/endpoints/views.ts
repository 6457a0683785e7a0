import { VIEW_PAGES, viewNameSchema, viewPutSchema } from "@tollhouse/contract";
import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import { time } from "./fields.ts";

const view = z.strictObject({ name: z.string(), page: z.enum(VIEW_PAGES), search: z.string(), saved_at: time }).meta({
  id: "SavedView",
  description: "A question of the dashboard that somebody keeps under a name, for themselves.",
});
export type SavedViewAnswer = z.infer<typeof view>;

const params = z.strictObject({ name: viewNameSchema });
const QUESTION = { page: "explore" as const, search: "by=team&range=30d" };
const SAMPLE = { name: "Teams, 30 days", ...QUESTION, saved_at: "2026-11-21T06:30:00.000Z" };

export const putView = endpoint({
  operationId: "putView",
  method: "PUT",
  path: "/api/v1/views/{name}",
  tag: "reports",
  summary: "Keep a question of the dashboard under a name; what was under it goes.",
  params,
  body: viewPutSchema.meta({ id: "ViewPut" }),
  status: 200,
  answer: view,
  errors: ["REQUEST_TOO_LARGE"],
  example: { params: { name: "Teams, 30 days" }, body: QUESTION, answer: SAMPLE },
});

export const listViews = endpoint({
  operationId: "listViews",
  method: "GET",
  path: "/api/v1/views",
  tag: "reports",
  summary: "The questions that whoever asks has kept, by name.",
  status: 200,
  answer: z.strictObject({ views: z.array(view) }),
  errors: [],
  example: { answer: { views: [SAMPLE] } },
});

export const deleteView = endpoint({
  operationId: "deleteView",
  method: "DELETE",
  path: "/api/v1/views/{name}",
  tag: "reports",
  summary: "Keep a question no longer.",
  params,
  status: 204,
  errors: ["NOT_FOUND"],
  example: { params: { name: "Teams, 30 days" } },
});

export const VIEW_ENDPOINTS = [putView, listViews, deleteView];
