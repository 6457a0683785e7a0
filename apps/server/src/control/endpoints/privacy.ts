import {
  isDimensionValue,
  namingConfigurationSchema,
  type LedgerKeyRotated,
  type UserErased,
} from "@tollhouse/contract";
import { z } from "zod";
import { endpoint, type Endpoint } from "../endpoint.ts";
import { hash, sequence } from "./fields.ts";

const erased: z.ZodType<UserErased> = z
  .strictObject({
    erased: z.boolean().meta({ description: "false: there was nothing of such a user." }),
    sequence: sequence.nullable().meta({ description: "Of the erasure's entry; null = none was needed." }),
    entry_hash: hash.nullable(),
    removed: z.array(z.strictObject({ kind: z.string(), environment: z.string(), id: z.string() })),
    remains: z.array(z.string()).meta({ description: "What no erasure reaches." }),
  })
  .meta({ id: "UserErased" });

const rotated: z.ZodType<LedgerKeyRotated> = z
  .strictObject({ sequence, entry_hash: hash, mac_key: z.int().min(2), previous_mac_key: z.int().min(1) })
  .meta({ id: "LedgerKeyRotated" });

export const eraseUser = endpoint({
  operationId: "eraseUser",
  method: "DELETE",
  path: "/api/v1/users/{id}",
  tag: "users",
  summary:
    "Forget a user of the tenant, by the readable id: salt, names and stored texts go, the ledger goes on to verify. Refused while calls of the user run.",
  params: z.strictObject({
    id: z
      .string()
      .refine(isDimensionValue, { error: "expected 1 to 256 characters, none of them a control character" }),
  }),
  query: z.strictObject({
    configuration: namingConfigurationSchema.meta({
      description:
        "Where limits, policies, blocks, keys or a plan name the user: refuse, and list them; or remove them too.",
    }),
  }),
  status: 200,
  answer: erased,
  errors: ["USER_IN_USE", "SPOOL_UNAVAILABLE", "LIMITS_UNAVAILABLE"],
  example: {
    params: { id: "carol" },
    query: { configuration: "remove" },
    answer: {
      erased: true,
      sequence: 4822,
      entry_hash: "07".repeat(32),
      removed: [{ kind: "plan_assignment", environment: "prod", id: "free" }],
      remains: ["log lines that were written, and what was exported, backed up or sent elsewhere"],
    },
  },
});

export const rotateLedgerKey = endpoint({
  operationId: "rotateLedgerKey",
  method: "POST",
  path: "/api/v1/ledger/rotate-key",
  tag: "ledger",
  summary: "Go on with the chain's next MAC key, from one entry on that both keys sign.",
  status: 200,
  answer: rotated,
  errors: ["SPOOL_UNAVAILABLE", "LIMITS_UNAVAILABLE"],
  example: { answer: { sequence: 4823, entry_hash: "07".repeat(32), mac_key: 2, previous_mac_key: 1 } },
});

export const PRIVACY_ENDPOINTS: readonly Endpoint[] = [eraseUser, rotateLedgerKey];
