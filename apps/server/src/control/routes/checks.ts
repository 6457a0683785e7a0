import type { FastifyInstance } from "fastify";
import { formatNano } from "@tollhouse/engine";
import { listExpiredChecks, type Database } from "@tollhouse/store";
import type { Place } from "../../place.ts";
import type { ChecksElsewhere } from "../../sdk/checks-elsewhere.ts";
import type { OpenChecks } from "../../sdk/open-checks.ts";
import type { PayloadService } from "../../sdk/payload-service.ts";
import { placeOf } from "../access.ts";
import { serve } from "../endpoint.ts";
import {
  getPayload,
  getPayloadLogging,
  listChecks,
  updatePayloadLogging,
  type ReservedCheck,
} from "../endpoints/checks.ts";
import { etagOf, ifMatchOf } from "../etag.ts";

export interface CheckRouteParts {
  readonly checks: OpenChecks;
  readonly elsewhere: ChecksElsewhere | null;
  readonly reports: { dbOf(tenant: string): Database; caughtUp(): Promise<void> };
  readonly tenants: { at(place: Place): { readonly payloads: PayloadService } };
}

interface Reserved {
  readonly decision: string;
  readonly provider: string;
  readonly model: string;
  readonly startedMs: number;
  readonly expiresMs: number;
  readonly usd: bigint;
}

/** Checks of SDKs that hold or were never recorded, and the texts of calls that SDKs log. */
export function checkRoutes({ checks, elsewhere, reports, tenants }: CheckRouteParts): (app: FastifyInstance) => void {
  const unconfirmed = async (place: Place, before: string | null, limit: number): Promise<Reserved[]> => {
    await reports.caughtUp();
    const expired = await listExpiredChecks(reports.dbOf(place.tenant), place, before, limit);
    return expired.map(({ checkedMs, expiredMs, reservedUsd, ...each }) => ({
      ...each,
      startedMs: checkedMs,
      expiresMs: expiredMs,
      usd: reservedUsd,
    }));
  };
  const open = async (place: Place, before: string | null, limit: number): Promise<Reserved[]> =>
    (elsewhere === null ? checks.list(place) : await elsewhere.listWith(checks.list(place), place))
      .filter(({ decision }) => before === null || decision < before)
      .slice(0, limit)
      .map(({ decision, expiresMs, usd, call: { provider, facts, startedMs } }) => ({
        decision,
        expiresMs,
        usd,
        provider,
        startedMs,
        model: facts.model,
      }));
  return (app) => {
    serve(app, listChecks, async ({ query: { environment, state, limit, cursor }, request: { access } }) => {
      const place = placeOf(access, environment);
      tenants.at(place);
      const before = cursor?.slice(4) ?? null;
      const found = await (state === "open" ? open : unconfirmed)(place, before, limit + 1);
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return { checks: page.map(answerOf), next_cursor: found.length > limit && last ? `dec_${last.decision}` : null };
    });
    serve(app, getPayloadLogging, ({ query, request: { access }, reply }) => {
      const place = placeOf(access, query.environment);
      const setting = tenants.at(place).payloads.get(place.environment);
      void reply.header("etag", etagOf(setting.version));
      return setting;
    });
    serve(app, updatePayloadLogging, async ({ query, body, request, reply }) => {
      const place = placeOf(request.access, query.environment);
      const match = ifMatchOf(request.headers["if-match"]);
      const { payloads } = tenants.at(place);
      const setting = await payloads.update(place.environment, body, request.access.actor, match);
      void reply.header("etag", etagOf(setting.version));
      return setting;
    });
    serve(app, getPayload, async ({ params, query, request: { access }, reply }) => {
      const place = placeOf(access, query.environment);
      await reports.caughtUp();
      void reply.header("cache-control", "no-store");
      return tenants.at(place).payloads.read(place, params.id);
    });
  };
}

function answerOf({ decision, provider, model, usd, startedMs, expiresMs }: Reserved): ReservedCheck {
  return {
    decision: `dec_${decision}`,
    provider,
    model,
    reserved: formatNano(usd),
    checked_at: new Date(startedMs).toISOString(),
    expires_at: new Date(expiresMs).toISOString(),
  };
}
