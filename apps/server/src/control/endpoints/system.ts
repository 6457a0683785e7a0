import { ROLES, type SystemAnswer, type SystemNode, type SystemRedis } from "@tollhouse/contract";
import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import { dollars, time } from "./fields.ts";

const count = z.int().min(0);
const milliseconds = z.number().min(0).nullable().meta({ description: "Null: it did not answer." });
const named = {
  id: z.string().regex(/^[0-9a-f]{32}$/),
  name: z.string(),
  version: z.string(),
  address: z.string(),
  roles: z.array(z.enum(ROLES)),
  started_at: time,
};

const node: z.ZodType<SystemNode> = z
  .strictObject({
    ...named,
    state: z.enum(["up", "draining", "stopped"]),
    live: z.boolean().meta({ description: "It has said within the last five seconds that it lives." }),
    last_beat_at: time,
    configuration: z
      .strictObject({ version: count, behind: z.boolean().meta({ description: "Others have newer rules." }) })
      .nullable()
      .meta({ description: "The rules it has, as a number that grows with each change. Null: it is alone." }),
    calls_in_flight: count,
    reservations: count,
    spool_bytes: count,
    untold: count.meta({ description: "Ends of calls that the shared counters have not been told yet." }),
  })
  .meta({ id: "SystemNode" });

const redis: z.ZodType<SystemRedis> = z
  .strictObject({
    reachable: z.boolean(),
    latency_ms: milliseconds,
    servers: z.array(z.string()),
    problem: z.string().nullable().meta({ description: "Why not all of it can be used." }),
    fence: z
      .strictObject({
        epoch: z.string().regex(/^\d+$/),
        state: z.enum(["open", "closed"]),
        since: time,
        why: z.string(),
      })
      .nullable()
      .meta({
        description:
          "Which making of the counters counts. Closed: nothing is admitted until they are made anew. Null: the database does not answer.",
      }),
  })
  .meta({ id: "SystemRedis" });

const system: z.ZodType<SystemAnswer> = z
  .strictObject({
    node: z
      .strictObject({
        ...named,
        counters: z.enum(["memory", "redis"]),
        ready: z.boolean(),
        waiting_for: z.array(z.string()).meta({ description: "As /ready says it." }),
      })
      .meta({ description: "The process that answers." }),
    nodes: z
      .array(node)
      .nullable()
      .meta({ description: "Every process that counts on this database. Null: the database does not answer." }),
    postgresql: z.strictObject({ embedded: z.boolean(), reachable: z.boolean(), latency_ms: milliseconds }),
    redis: redis.nullable().meta({ description: "Null: counters are in memory." }),
    spool: z
      .strictObject({ bytes: count, bytes_max: count, refusing: z.string().nullable() })
      .meta({ description: "Of the process that answers." }),
    recorder: z
      .strictObject({ bytes: count, records: count })
      .meta({ description: "In the spool of the process that answers, and not in the ledger yet." }),
    ledger: z.strictObject({ chains_not_signed: count, problem: z.string().nullable() }).meta({
      description:
        "Ledgers whose checkpoint the process that answers could not have signed when it last tried, and why.",
    }),
    reservations: z
      .strictObject({ pending: count, oldest_at: time.nullable() })
      .meta({ description: "What calls and checks of the process that answers hold." }),
    allowance: z.strictObject({ of: dollars, used: dollars }).nullable().meta({
      description:
        "What the process that answers may admit while shared counters cannot be asked. Null: counters are in memory.",
    }),
    worst_overspend: dollars.nullable().meta({
      description:
        "The most that was ever admitted beyond a hard limit: must be 0. What nobody could refuse is not in it: what a provider billed beyond its bound (an overrun), and what was recorded without a check. Null: the database, which keeps it, does not answer.",
    }),
  })
  .meta({ id: "System" });

const ID = "7c9e6679f3a84d6c9f0b2f7f8f1d6a55";
const STARTED = "2026-11-21T06:30:00.000Z";
const NAMED = {
  id: ID,
  name: "gateway-1",
  version: "0.1.0",
  address: "http://10.0.0.7:8787",
  roles: ["gateway", "control", "jobs"] as const,
  started_at: STARTED,
};

export const getSystem = endpoint({
  ofInstallation: true,
  operationId: "getSystem",
  method: "GET",
  path: "/api/v1/system",
  tag: "system",
  summary: "The processes, the stores, what is under way, and whether anything was ever admitted beyond a hard limit.",
  status: 200,
  answer: system,
  errors: [],
  example: {
    answer: {
      node: { ...NAMED, counters: "redis", ready: true, waiting_for: [] },
      nodes: [
        {
          ...NAMED,
          state: "up",
          live: true,
          last_beat_at: "2026-11-21T07:00:00.000Z",
          configuration: { version: 42, behind: false },
          calls_in_flight: 3,
          reservations: 3,
          spool_bytes: 4096,
          untold: 0,
        },
      ],
      postgresql: { embedded: false, reachable: true, latency_ms: 0.6 },
      redis: {
        reachable: true,
        latency_ms: 0.3,
        servers: ["10.0.0.9:6379"],
        problem: null,
        fence: { epoch: "1795242600000", state: "open", since: STARTED, why: "the first start" },
      },
      spool: { bytes: 4096, bytes_max: 1_073_741_824, refusing: null },
      recorder: { bytes: 0, records: 0 },
      ledger: { chains_not_signed: 0, problem: null },
      reservations: { pending: 3, oldest_at: "2026-11-21T06:59:58.000Z" },
      allowance: { of: "1.000000000", used: "0.000000000" },
      worst_overspend: "0.000000000",
    },
  },
});
