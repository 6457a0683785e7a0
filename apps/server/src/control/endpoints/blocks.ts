import {
  blocklistCreateSchema,
  blockScopeSchema,
  killSwitchCreateSchema,
  killSwitchPreviewSchema,
  type BlockAnswer,
  type BlockMade,
  type KillSwitchPreview,
} from "@tollhouse/contract";
import { z } from "zod";
import { endpoint, type Endpoint } from "../endpoint.ts";
import { environmentQuery } from "../routes/environment-asked.ts";
import { nextCursor, pageLimit, time } from "./fields.ts";

const count = z.int().min(0);
export const blockFields = {
  id: z.string(),
  scope: z.string(),
  reason: z.string(),
  operator: z.string().meta({ description: "Who made it: `admin-key`, or the id of a key." }),
  created_at: time,
  expires_at: time.nullable().meta({ description: "null = until it is lifted" }),
};
const state = z.enum(["active", "expired"]);
const block: z.ZodType<BlockAnswer> = z.strictObject({ ...blockFields, state }).meta({ id: "Block" });
const madeFields = {
  ...blockFields,
  state,
  ended_calls: count.meta({ description: "Running calls that it ended." }),
};
const made: z.ZodType<BlockMade> = z.strictObject(madeFields).meta({ id: "BlockMade" });
const running = z
  .strictObject({
    decision: z.string(),
    provider: z.string(),
    model: z.string(),
    session: z.string().nullable(),
    agent: z.string().nullable(),
    started_at: time,
  })
  .meta({ id: "RunningCall" });
const hit = {
  scope: z.string(),
  calls_last_hour: count.meta({ description: "Calls let through in the last hour." }),
  running_calls: count,
  running: z.array(running).readonly().meta({ description: "The oldest of the running ones, a hundred at most." }),
};
const preview: z.ZodType<KillSwitchPreview> = z.strictObject(hit).meta({ id: "KillSwitchPreview" });

const notChanged = z.array(z.strictObject({ environment: z.string(), reason_code: z.string(), detail: z.string() }));
const everywhere = z
  .strictObject({
    kill_switches: z.array(z.strictObject({ environment: z.string(), ...madeFields })),
    not_changed: notChanged.meta({ description: "Environments in which it could not be made, and why." }),
  })
  .meta({ id: "KillSwitchEverywhere" });
const lifted = z
  .strictObject({
    lifted: z.array(z.strictObject({ environment: z.string(), id: z.string() })),
    not_changed: notChanged,
  })
  .meta({ id: "KillSwitchLifted" });
const previewEverywhere = z
  .strictObject({
    ...hit,
    environments: z.array(z.strictObject({ environment: z.string(), calls_last_hour: count, running_calls: count })),
  })
  .meta({ id: "KillSwitchPreviewEverywhere" });
export type KillSwitchEverywhere = z.infer<typeof everywhere>;
export type KillSwitchLifted = z.infer<typeof lifted>;
export type KillSwitchPreviewEverywhere = z.infer<typeof previewEverywhere>;

const params = z.strictObject({ id: z.string().max(64) });
const KILL_ID = "kill_019aa3b0c1d27e4f8a5b6c7d8e9f0a1b";
const KILL = {
  id: KILL_ID,
  scope: "agent:sdr-agent",
  reason: "incident 7",
  operator: "admin-key",
  created_at: "2026-11-21T06:30:00.000Z",
  expires_at: null,
  state: "active",
};
const BLOCK_ID = "blk_019aa3b0c1d27e4f8a5b6c7d8e9f0a1b";
const BLOCK = {
  ...KILL,
  id: BLOCK_ID,
  scope: "user:user-17",
  reason: "abuse",
  expires_at: "2026-11-22T06:30:00.000Z",
};
const HIT = {
  scope: "agent:sdr-agent",
  calls_last_hour: 318,
  running_calls: 1,
  running: [
    {
      decision: "dec_019aa3b0c1d27e4f8a5b6c7d8e9f0a1c",
      provider: "openai",
      model: "gpt-4o-mini",
      session: "run-42",
      agent: "sdr-agent",
      started_at: "2026-11-21T06:29:58.000Z",
    },
  ],
};
const changing = { errors: ["SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"] } as const;
const killSwitches = { tag: "kill-switches", keys: true, query: environmentQuery } as const;
const blocks = { tag: "blocks", keys: true, query: environmentQuery } as const;

export const createKillSwitch = endpoint({
  ...killSwitches,
  ...changing,
  operationId: "createKillSwitch",
  method: "POST",
  path: "/api/v1/kill-switches",
  summary: "Stop a scope at once: new calls are refused, running ones are ended. Also while the database is away.",
  body: killSwitchCreateSchema.meta({ id: "KillSwitchCreate" }),
  status: 201,
  answer: made,
  example: { body: { scope: KILL.scope, reason: KILL.reason }, answer: { ...KILL, ended_calls: 3 } },
});

export const listKillSwitches = endpoint({
  ...killSwitches,
  operationId: "listKillSwitches",
  method: "GET",
  path: "/api/v1/kill-switches",
  summary: "Kill switches of an environment, oldest first, those that expired in the last thirty days included.",
  status: 200,
  answer: z.strictObject({ kill_switches: z.array(block) }),
  errors: [],
  example: { answer: { kill_switches: [KILL] } },
});

export const getKillSwitch = endpoint({
  ...killSwitches,
  operationId: "getKillSwitch",
  method: "GET",
  path: "/api/v1/kill-switches/{id}",
  summary: "A kill switch.",
  params,
  status: 200,
  answer: block,
  errors: ["NOT_FOUND"],
  example: { params: { id: KILL_ID }, answer: KILL },
});

export const deleteKillSwitch = endpoint({
  ...killSwitches,
  operationId: "deleteKillSwitch",
  method: "DELETE",
  path: "/api/v1/kill-switches/{id}",
  summary: "Lift a kill switch. Whoever may pull one may lift it.",
  params,
  status: 204,
  errors: ["NOT_FOUND", "SPOOL_UNAVAILABLE"],
  example: { params: { id: KILL_ID } },
});

export const previewKillSwitch = endpoint({
  ...killSwitches,
  operationId: "previewKillSwitch",
  method: "POST",
  path: "/api/v1/kill-switches/preview",
  summary: "Who would be hit by a kill switch. Changes nothing.",
  body: killSwitchPreviewSchema.meta({ id: "KillSwitchScope" }),
  status: 200,
  answer: preview,
  errors: ["REQUEST_TOO_LARGE"],
  example: { body: { scope: HIT.scope }, answer: HIT },
});

export const createKillSwitchEverywhere = endpoint({
  ...changing,
  operationId: "createKillSwitchEverywhere",
  method: "POST",
  path: "/api/v1/kill-switches/everywhere",
  tag: "kill-switches",
  summary: "Stop a scope in every environment with one call. Where it could not be made is said by name.",
  body: killSwitchCreateSchema.meta({ id: "KillSwitchCreate" }),
  status: 201,
  answer: everywhere,
  example: {
    body: { scope: "service:shop", reason: "incident 8" },
    answer: {
      kill_switches: [{ environment: "prod", ...KILL, scope: "service:shop", reason: "incident 8", ended_calls: 12 }],
      not_changed: [],
    },
  },
});

export const deleteKillSwitchEverywhere = endpoint({
  operationId: "deleteKillSwitchEverywhere",
  method: "DELETE",
  path: "/api/v1/kill-switches/everywhere",
  tag: "kill-switches",
  summary: "Lift every kill switch of a scope, in every environment.",
  query: z.strictObject({ scope: blockScopeSchema("kill_switch") }),
  status: 200,
  answer: lifted,
  errors: ["SPOOL_UNAVAILABLE"],
  example: {
    query: { scope: "service:shop" },
    answer: { lifted: [{ environment: "prod", id: KILL_ID }], not_changed: [] },
  },
});

export const previewKillSwitchEverywhere = endpoint({
  operationId: "previewKillSwitchEverywhere",
  method: "POST",
  path: "/api/v1/kill-switches/everywhere/preview",
  tag: "kill-switches",
  summary: "Who would be hit by a kill switch in every environment. Changes nothing.",
  body: killSwitchPreviewSchema.meta({ id: "KillSwitchScope" }),
  status: 200,
  answer: previewEverywhere,
  errors: ["REQUEST_TOO_LARGE"],
  example: {
    body: { scope: HIT.scope },
    answer: { ...HIT, environments: [{ environment: "prod", calls_last_hour: 318, running_calls: 1 }] },
  },
});

export const createBlock = endpoint({
  ...blocks,
  ...changing,
  operationId: "createBlock",
  method: "POST",
  path: "/api/v1/blocks",
  summary: "Put a user, a customer or a key on the blocklist.",
  body: blocklistCreateSchema.meta({ id: "BlockCreate" }),
  status: 201,
  answer: made,
  example: {
    body: { scope: BLOCK.scope, reason: BLOCK.reason, expires_in: 86_400 },
    answer: { ...BLOCK, ended_calls: 0 },
  },
});

export const listBlocks = endpoint({
  ...blocks,
  operationId: "listBlocks",
  method: "GET",
  path: "/api/v1/blocks",
  summary:
    "The blocklist of an environment, newest first, what expired in the last thirty days included; all of it, or what there is of one scope.",
  query: environmentQuery.extend({
    scope: blockScopeSchema("blocklist").optional(),
    limit: pageLimit,
    cursor: z
      .string()
      .regex(/^blk_[0-9a-f]{32}$/, { error: "expected the next_cursor of an earlier answer" })
      .optional(),
  }),
  status: 200,
  answer: z.strictObject({ blocks: z.array(block).readonly(), next_cursor: nextCursor }),
  errors: [],
  example: { query: { scope: BLOCK.scope }, answer: { blocks: [BLOCK], next_cursor: null } },
});

export const getBlock = endpoint({
  ...blocks,
  operationId: "getBlock",
  method: "GET",
  path: "/api/v1/blocks/{id}",
  summary: "An entry of the blocklist.",
  params,
  status: 200,
  answer: block,
  errors: ["NOT_FOUND"],
  example: { params: { id: BLOCK_ID }, answer: BLOCK },
});

export const deleteBlock = endpoint({
  ...blocks,
  operationId: "deleteBlock",
  method: "DELETE",
  path: "/api/v1/blocks/{id}",
  summary: "Take an entry off the blocklist.",
  params,
  status: 204,
  errors: ["NOT_FOUND", "SPOOL_UNAVAILABLE"],
  example: { params: { id: BLOCK_ID } },
});

/** In the order in which a test can send their examples: what is made is made before it is read. */
export const BLOCK_ENDPOINTS: readonly Endpoint[] = [
  createKillSwitch,
  listKillSwitches,
  createKillSwitchEverywhere,
  deleteKillSwitchEverywhere,
  previewKillSwitchEverywhere,
  previewKillSwitch,
  getKillSwitch,
  deleteKillSwitch,
  createBlock,
  listBlocks,
  getBlock,
  deleteBlock,
];
