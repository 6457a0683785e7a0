import { Anchor, Button, Stack, Text } from "@mantine/core";
import type { Policy } from "@tollhouse/contract/control-client";
import { Link } from "@tanstack/react-router";
import { useMay } from "../../api/session.ts";
import { usePages } from "../../api/use-operation.ts";
import { Page } from "../../frame/page.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { Moment } from "../../parts/moment.tsx";
import { AttachedTo } from "./attached-to.tsx";
import { Plans } from "./plans.tsx";
import { PolicyMode } from "./policy-mode.tsx";
import { rulesOf } from "./policy-words.ts";

const RULES_SHOWN = 2;

export function PoliciesPage() {
  const mayManage = useMay("manage");
  const policies = usePages("listPolicies", { query: { limit: 100 } }, (page) => page.policies);
  return (
    <Page
      title="Policies"
      actions={
        mayManage && <Button renderRoot={(props) => <Link {...props} to="/policies/new" />}>Write a policy</Button>
      }
    >
      <Stack gap="xl">
        <DataTable
          caption="Policies of this environment"
          columns={COLUMNS}
          keyOf={({ id }) => id}
          empty={
            <EmptyState title="No policies yet">
              A policy says which models may be called, what one call may cost, and what each user, feature or plan may
              use. In observe mode it decides nothing, and every decision says what it would have done.
            </EmptyState>
          }
          {...policies}
        />
        <Plans />
      </Stack>
    </Page>
  );
}

const COLUMNS: readonly Column<Policy>[] = [
  {
    header: "Policy",
    cell: ({ id, name }) => (
      <Anchor size="sm" renderRoot={(props) => <Link {...props} to="/policies/$policy" params={{ policy: id }} />}>
        {name}
      </Anchor>
    ),
  },
  { header: "For", cell: ({ attach }) => <AttachedTo attach={attach} /> },
  { header: "Mode", cell: ({ mode }) => <PolicyMode mode={mode} /> },
  { header: "Says", isProse: true, cell: (policy) => <Says policy={policy} /> },
  { header: "Priority", isNumber: true, cell: ({ priority }) => String(priority) },
  { header: "Version", isNumber: true, cell: ({ version }) => String(version) },
  { header: "Changed", cell: ({ created_at }) => <Moment at={created_at} /> },
];

function Says({ policy }: { readonly policy: Policy }) {
  const rules = rulesOf(policy);
  const left = rules.length - RULES_SHOWN;
  return (
    <Text size="sm" component="div">
      {rules.slice(0, RULES_SHOWN).map(({ about, says }) => (
        <div key={`${about} ${says}`}>
          {about}: {says}
        </div>
      ))}
      {left > 0 && <div>and {left} more</div>}
    </Text>
  );
}
