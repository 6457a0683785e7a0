import type { FastifyInstance, FastifyRequest } from "fastify";
import { LedgerFormatError, originOf, type Checkpoint } from "@tollhouse/ledger";
import {
  loadDeploymentId,
  loadVerification,
  loadWalk,
  openWithAny,
  WALKS_MAX,
  type Chain,
  type StoredWalk,
  type VerifyResult,
} from "@tollhouse/store";
import type { ChainWalks, WalkOfChain } from "../../ledger/chain-walks.ts";
import type { WalkJobs } from "../../ledger/walk-jobs.ts";
import { serve } from "../endpoint.ts";
import * as endpoints from "../endpoints/verification.ts";
import type { LedgerVerified, LedgerWalk } from "../endpoints/verification.ts";
import { Problem } from "../problem.ts";
import type { LedgerParts } from "./ledger.ts";

export interface VerificationParts extends LedgerParts {
  readonly walks: Pick<ChainWalks, "walk">;
  readonly jobs: Pick<WalkJobs<LedgerVerified>, "begin">;
}

const RETRY_S = 10;
const PREFIX = "ver_";

/** The chain, walked: while one waits, as a job, and each night. */
export function verificationRoutes(parts: VerificationParts): (app: FastifyInstance) => void {
  const { caughtUp, walks, jobs, dbOf } = parts;
  return (app) => {
    serve(app, endpoints.verifyLedger, async ({ body, request, reply }) => {
      await caughtUp();
      // Nobody waits any more for what a client has left.
      const left = new AbortController();
      reply.raw.once("close", () => left.abort(new Error("the client has left")));
      return verifiedAs(await walks.walk(await rangeOf(parts, body, request), { signal: left.signal }));
    });
    serve(app, endpoints.beginVerification, async ({ body, request, reply }) => {
      await caughtUp();
      const { tenant } = request.access;
      const id = await jobs.begin(await rangeOf(parts, body, request));
      const stored = id === null ? null : await loadWalk<LedgerVerified>(dbOf(tenant), tenant, id);
      if (id === null || stored === null) {
        const problem = `${WALKS_MAX} verifications of this tenant are under way: wait until one has ended`;
        throw new Problem("OVERLOADED", problem, [], RETRY_S);
      }
      reply.header("location", `/api/v1/ledger/verifications/${PREFIX}${id}`);
      return walkAs(id, stored);
    });
    serve(app, endpoints.getBegunVerification, async ({ params, request: { access } }) => {
      const id = new RegExp(`^${PREFIX}([0-9a-f]{32})$`).exec(params.id)?.[1];
      const stored = id === undefined ? null : await loadWalk<LedgerVerified>(dbOf(access.tenant), access.tenant, id);
      if (id === undefined || stored === null) throw new Problem("NOT_FOUND", `There is no verification ${params.id}`);
      return walkAs(id, stored);
    });
    serveNightly(app, parts);
  };
}

interface RangeAsked {
  readonly from: number;
  readonly to: number | "latest";
  readonly pin?: string | undefined;
}

async function rangeOf(
  parts: VerificationParts,
  { from, to, pin }: RangeAsked,
  { access: { tenant } }: FastifyRequest,
): Promise<WalkOfChain> {
  const chain = await chainOf(parts, tenant);
  const pinned = pin === undefined ? null : openPin(pin, chain, parts);
  if (pinned !== null && (from > pinned.size || (to !== "latest" && to < pinned.size)))
    throw new Problem("REQUEST_INVALID", `pin: expected a range that contains its last entry, ${pinned.size}`);
  return {
    tenant,
    from: BigInt(from),
    to: to === "latest" ? to : BigInt(to),
    noteKeys: parts.checkpoints.signer.keys(chain),
    ...(pinned !== null && { pin: pinned }),
  };
}

export async function chainOf({ dbOf }: Pick<LedgerParts, "dbOf">, tenant: string): Promise<Chain> {
  return { tenant, origin: originOf(await loadDeploymentId(dbOf(tenant)), tenant) };
}

function openPin(note: string, chain: Chain, { checkpoints }: LedgerParts): Checkpoint {
  try {
    return openWithAny(note, checkpoints.signer.keys(chain));
  } catch (error) {
    if (!(error instanceof LedgerFormatError)) throw error;
    throw new Problem("REQUEST_INVALID", `pin: expected a checkpoint of this ledger: ${error.message}`);
  }
}

/** What was found, as it is answered and kept. */
export function verifiedAs(verified: VerifyResult): LedgerVerified {
  return {
    result: verified.result,
    tail: verified.tail,
    proven_to: verified.provenTo === null ? null : Number(verified.provenTo),
    entries: Number(verified.entries),
    checkpoints: verified.checkpoints,
    purged: verified.purged === null ? null : Number(verified.purged),
    first_bad_sequence: verified.firstBadSequence === null ? null : Number(verified.firstBadSequence),
    problem: verified.problem,
  };
}

function walkAs(
  id: string,
  { from, to, beganMs, walked, endedMs, found, isLost }: StoredWalk<LedgerVerified>,
): LedgerWalk {
  const isEnded = isLost || endedMs !== null;
  return {
    id: `${PREFIX}${id}`,
    state: found !== null ? "done" : isEnded ? "ended" : walked === null ? "waiting" : "running",
    from: Number(from),
    to: to === "latest" ? to : Number(to),
    began_at: new Date(beganMs).toISOString(),
    ended_at: endedMs === null ? null : new Date(endedMs).toISOString(),
    walked: found?.entries ?? Number(walked?.entries ?? 0n),
    of: found?.entries ?? (walked === null ? null : Number(walked.of)),
    // The release before did not count what was purged.
    answer: found && { ...found, purged: found.purged ?? null },
  };
}

const NOT_YET = {
  result: "NOT YET",
  looked_at: null,
  whole_at: null,
  verified_to: 0,
  first_bad_sequence: null,
  problem: null,
} as const;

/** By itself it looks at night; what it found then is told here. */
function serveNightly(app: FastifyInstance, { dbOf, keys }: LedgerParts): void {
  serve(app, endpoints.getVerification, async ({ request: { access } }) => {
    const found = await loadVerification(dbOf(access.tenant), keys, access.tenant);
    if (found === null) return NOT_YET;
    return {
      result: found.problem === null ? ("PASS" as const) : ("FAIL" as const),
      looked_at: new Date(found.lookedMs).toISOString(),
      whole_at: new Date(found.wholeMs).toISOString(),
      verified_to: Number(found.verifiedTo),
      first_bad_sequence: found.firstBadSequence === null ? null : Number(found.firstBadSequence),
      problem: found.problem,
    };
  });
}
