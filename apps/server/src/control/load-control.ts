import type { AdminKey, OpenDatabase } from "@tollhouse/store";
import { loadRehearsals } from "../rehearsals/load-rehearsals.ts";
import type { Sdk } from "../sdk/load-sdk.ts";
import type { Settings } from "../settings.ts";
import type { BlockServices } from "../blocks/load-block-services.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { KeyDirectory } from "../keys/key-directory.ts";
import type { KeptLedger } from "../ledger/keep-ledger.ts";
import type { LiveEvents } from "../live/live-events.ts";
import type { LimitService } from "../limits/limit-service.ts";
import { loadMembers } from "../members/load-members.ts";
import type { Logger } from "../process/logger.ts";
import { loadSingleSignOn } from "../single-sign-on/load-single-sign-on.ts";
import type { Place } from "../place.ts";
import type { InstallationParts } from "../tenants/load-place.ts";
import type { TenantRegistry } from "../tenants/tenant-registry.ts";
import { TenantService } from "../tenants/tenant-service.ts";
import { systemStatus, type SystemParts } from "../system/system-status.ts";
import { createControlApi } from "./control-api.ts";
import { ControlRates } from "./control-rates.ts";
import { anomalyRuleRoutes } from "./routes/anomaly-rules.ts";
import { blockRoutes } from "./routes/blocks.ts";
import { checkRoutes } from "./routes/checks.ts";
import { decisionRoutes } from "./routes/decisions.ts";
import { eventRoutes } from "./routes/events.ts";
import { keyRoutes } from "./routes/keys.ts";
import { ledgerRoutes } from "./routes/ledger.ts";
import { limitRoutes } from "./routes/limits.ts";
import { memberRoutes } from "./routes/members.ts";
import { policyRoutes } from "./routes/policies.ts";
import { priceRoutes } from "./routes/prices.ts";
import { privacyRoutes } from "./routes/privacy.ts";
import { providerKeyRoutes } from "./routes/provider-keys.ts";
import { rehearsalRoutes } from "./routes/rehearsals.ts";
import { retentionRoutes } from "./routes/retention.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { singleSignOnRoutes } from "./routes/single-sign-on.ts";
import { signInRoutes } from "./routes/sign-in.ts";
import { summaryRoutes } from "./routes/summary.ts";
import { systemRoutes } from "./routes/system.ts";
import { tenantRoutes } from "./routes/tenants.ts";
import { usageRoutes, type ReportParts } from "./routes/usage.ts";
import { viewRoutes } from "./routes/views.ts";
import { verificationRoutes } from "./routes/verification.ts";

export interface ControlParts {
  readonly once: InstallationParts;
  readonly gateway: Gateway;
  readonly sdk: Sdk;
  readonly tenants: TenantRegistry;
  readonly directory: KeyDirectory;
  readonly adminKey: AdminKey;
  readonly ledger: Pick<KeptLedger, "checkpoints" | "walks" | "jobs" | "witnessed">;
  readonly reports: ReportParts;
  readonly live: LiveEvents;
  readonly settings: Settings;
  /** As the installation. */
  readonly db: OpenDatabase;
  readonly system: SystemParts;
}

/** The control API with all its routes; whoever adds a resource adds its line here. */
export function loadControl(parts: ControlParts): ReturnType<typeof createControlApi> {
  const { once, gateway, sdk, tenants, directory, adminKey, ledger, reports, live, settings, db, system } = parts;
  const { spool, masterKey, now } = once;
  const { prices } = gateway;
  const limitsOf = (at: Place): LimitService => tenants.at(at).limits;
  const blocksOf = (at: Place): BlockServices => tenants.at(at).blocks;
  const { members, sessions, needsOwner } = loadMembers({ spool, masterKey, tenants, settings, now });
  const isAdminKey = (text: string): boolean => adminKey.matches(text);
  const findTenant = (name: string): string | null => tenants.byName(name)?.id ?? null;
  const singleSignOn = loadSingleSignOn(settings, db);
  const rates = new ControlRates(settings, now);
  return createControlApi({
    isAdminKey,
    findKey: (text) => directory.find(text),
    findTenant,
    findSession: (text) => sessions.find(text),
    failed: (error) => gateway.failed(error),
    rates,
    now,
    routes: [
      signInRoutes({
        members,
        sessions,
        rates,
        isAdminKey,
        needsOwner,
        singleSignOn,
        tenant: (id) => tenants.of(id).tenant,
      }),
      singleSignOnRoutes({ singleSignOn, members, sessions, findTenant, refused: refusedBy(once.logger) }),
      memberRoutes(members),
      tenantRoutes(new TenantService({ db, spool, registry: tenants, now })),
      limitRoutes(limitsOf, reports.dbOf),
      keyRoutes((tenant) => tenants.of(tenant).keys),
      policyRoutes((at) => tenants.at(at).policies),
      rehearsalRoutes(loadRehearsals({ ...reports, db, masterKey, settings, tenants, now })),
      providerKeyRoutes((at) => tenants.at(at).providerKeys),
      usageRoutes(reports),
      summaryRoutes({ reports, limitsOf, now, planOf: (at, user) => tenants.at(at).policies.plans.planOfUser(user) }),
      priceRoutes(prices, now),
      ledgerRoutes({ ...reports, ...ledger }),
      verificationRoutes({ ...reports, ...ledger }),
      decisionRoutes(reports, {
        prices,
        at: (place) => ({ ...tenants.at(place), standing: once.countersOf(place.tenant), now }),
      }),
      eventRoutes(live),
      viewRoutes(reports.dbOf),
      anomalyRuleRoutes((at) => tenants.at(at).anomalies),
      blockRoutes(blocksOf),
      checkRoutes({ ...sdk, reports, tenants }),
      sessionRoutes({ servicesOf: blocksOf, reports, now }),
      privacyRoutes({ ...once, ...reports, tenants, checks: sdk.checks, elsewhere: sdk.elsewhere }),
      retentionRoutes({ spool, now, tenants, dbOf: reports.dbOf }),
      systemRoutes(() => systemStatus(system)),
    ],
  });
}

/** The reason is the operator's to know; it names no person. */
function refusedBy(logger: Logger): (by: string, error: unknown) => void {
  return (by, error) =>
    logger.warning(`a sign-in by ${by} was refused`, {
      error: error instanceof Error ? error : new Error(String(error)),
    });
}
