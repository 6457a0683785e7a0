import { z } from "zod";
import { isDimensionValue, parseScope, type Scope, type ScopeKind } from "./dimensions.ts";

/** Steps 2 and 3 of a decision, in their order: what stops a call whatever its budget is. */
export const BLOCK_KINDS = ["kill_switch", "blocklist", "frozen_session"] as const;
export type BlockKind = (typeof BLOCK_KINDS)[number];

/** What each kind may stop. Anything else is refused by name. */
export const BLOCK_SCOPES: { readonly [K in BlockKind]: readonly ScopeKind[] } = {
  kill_switch: ["org", "provider", "model", "service", "agent", "user", "feature", "customer", "key"],
  blocklist: ["user", "customer", "key"],
  frozen_session: ["session"],
};

/** A stop may end by itself: at a time, or so many seconds from now. Neither: somebody has to lift it. */
export interface Expiry {
  /** Whole seconds. */
  expires_in?: number | undefined;
  /** RFC 3339. */
  expires_at?: string | undefined;
}

export interface BlockCreate extends Expiry {
  scope: Scope;
  /** Why, for operators and the ledger. A caller that is stopped never sees it. */
  reason: string;
}

export interface SessionFreeze extends Expiry {
  reason?: string | undefined;
}

/** A kill switch or an entry of the blocklist, as the control API answers it. */
export interface BlockAnswer {
  id: string;
  scope: Scope;
  reason: string;
  /** Who made it. */
  operator: string;
  created_at: string;
  /** RFC 3339, UTC; null = until it is lifted. */
  expires_at: string | null;
  state: "active" | "expired";
}

/** The answer to making one: also how many running calls it ended. */
export interface BlockMade extends BlockAnswer {
  ended_calls: number;
}

/** Who would be hit by a kill switch. */
export interface KillSwitchPreview {
  scope: Scope;
  /** Calls let through in the last hour. */
  calls_last_hour: number;
  running_calls: number;
  /** The oldest of the running ones, a hundred at most. */
  running: readonly RunningCall[];
}

export interface RunningCall {
  decision: string;
  provider: string;
  model: string;
  session: string | null;
  agent: string | null;
  started_at: string;
}

const EXPIRES_IN_MAX = 10 * 365 * 86_400;
const EXPECTED_TIME = "expected a time in the future, such as 2026-12-01T00:00:00Z";

const reasonSchema = z
  .string({ error: "expected a text that says why" })
  .trim()
  .min(1, { error: "expected a text that says why" })
  .max(500, { error: "expected at most 500 characters" })
  // PostgreSQL has no text with U+0000, and log lines have no line breaks.
  // oxlint-disable-next-line no-control-regex
  .regex(/^[^\u0000-\u001f\u007f]*$/, { error: "expected a text without control characters" });

const expiryFields = {
  expires_in: z
    .number({ error: "expected whole seconds" })
    .int({ error: "expected whole seconds" })
    .min(1, { error: "expected 1 second or more" })
    .max(EXPIRES_IN_MAX, { error: `expected at most ${EXPIRES_IN_MAX} seconds (ten years)` })
    .optional(),
  expires_at: z.iso.datetime({ offset: true, error: EXPECTED_TIME }).optional(),
};

const ONE_EXPIRY = { path: ["expires_at"], error: "expected either expires_in or expires_at" };

function oneExpiry({ expires_in, expires_at }: Expiry): boolean {
  return expires_in === undefined || expires_at === undefined;
}

export function blockScopeSchema(kind: BlockKind): z.ZodType<Scope> {
  const kinds = BLOCK_SCOPES[kind].map((name) => (name === "org" ? "org" : `${name}:<value>`)).join(", ");
  return z.string({ error: `expected one of ${kinds}` }).refine(
    (text) => {
      const scope = parseScope(text);
      // Half a pair would come back from the database as another text, and stop nobody.
      return scope !== null && BLOCK_SCOPES[kind].includes(scope.kind) && text.isWellFormed();
    },
    { error: `expected one of ${kinds}` },
  );
}

function createSchema(kind: BlockKind): z.ZodType<BlockCreate> {
  return z
    .strictObject({ scope: blockScopeSchema(kind), reason: reasonSchema, ...expiryFields })
    .refine(oneExpiry, ONE_EXPIRY);
}

/** `POST /api/v1/kill-switches`, `POST /api/v1/blocks`. Unknown fields are rejected by name. */
export const killSwitchCreateSchema: z.ZodType<BlockCreate> = createSchema("kill_switch");
export const blocklistCreateSchema: z.ZodType<BlockCreate> = createSchema("blocklist");

/** `POST /api/v1/kill-switches/preview` */
export const killSwitchPreviewSchema: z.ZodType<{ scope: Scope }> = z.strictObject({
  scope: blockScopeSchema("kill_switch"),
});

/** `POST /api/v1/sessions/{id}/freeze`; the body may be left out. */
export const sessionFreezeSchema: z.ZodType<SessionFreeze> = z
  .strictObject({ reason: reasonSchema.optional(), ...expiryFields })
  .refine(oneExpiry, ONE_EXPIRY);

export const sessionNameSchema: z.ZodType<string> = z
  .string()
  .refine((text) => isDimensionValue(text) && text.isWellFormed(), {
    error: "expected 1 to 256 characters without control characters",
  });
