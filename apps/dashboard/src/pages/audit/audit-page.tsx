import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { usePages } from "../../api/use-operation.ts";
import { Page } from "../../frame/page.tsx";
import { DataTable } from "../../parts/data-table.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { firstMomentOf } from "../../parts/local-input.ts";
import { auditColumns, type AuditedChange } from "./audit-columns.tsx";
import { AuditFilters } from "./audit-filters.tsx";
import { ChangeDetails } from "./change-details.tsx";
import type { AuditSearch } from "./route.ts";

export function AuditPage() {
  const search = useSearch({ from: "/audit" });
  const navigate = useNavigate({ from: "/audit" });
  const [shown, setShown] = useState<AuditedChange | null>(null);
  const audit = usePages("listAudit", { query: queryOf(search) }, (page) => page.changes);
  const isFiltered = Object.keys(queryOf(search)).length > 0;
  const filter = (changed: AuditSearch) =>
    void navigate({ search: ({ tenant, environment }) => ({ ...place(tenant, environment), ...changed }) });
  return (
    <Page title="Audit">
      <AuditFilters search={search} onChange={filter} />
      <DataTable
        caption="Changes, newest first"
        columns={auditColumns(setShown)}
        keyOf={({ id }) => id}
        empty={
          isFiltered ? (
            <EmptyState title="No such change">Nothing that was changed fits the filters.</EmptyState>
          ) : (
            <EmptyState title="Nothing was changed yet">
              Every change of limits, policies, keys, blocks and members is listed here, with who did it.
            </EmptyState>
          )
        }
        {...audit}
      />
      {shown !== null && <ChangeDetails change={shown} onClose={() => setShown(null)} />}
    </Page>
  );
}

function place(tenant: string | undefined, environment: string | undefined) {
  return { ...(tenant !== undefined && { tenant }), ...(environment !== undefined && { environment }) };
}

function queryOf({ action, subject, since, until }: AuditSearch) {
  return {
    ...(action !== undefined && { action }),
    ...(subject !== undefined && { subject }),
    ...(since !== undefined && { from: firstMomentOf(since) }),
    ...(until !== undefined && { to: firstMomentOf(until, 1) }),
  };
}
