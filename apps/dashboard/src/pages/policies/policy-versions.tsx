import { Group, NativeSelect, Text } from "@mantine/core";
import type { Policy, PolicyDocument, PolicyVersion } from "@tollhouse/contract/control-client";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { usePages } from "../../api/use-operation.ts";
import { formatMoment } from "../../parts/format.ts";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { Section } from "../../parts/section.tsx";
import { DiffView } from "./diff-view.tsx";
import { documentOf, textOf } from "./policy-text.ts";

/** What a policy said before, and what was changed between two of its versions. */
export function PolicyVersions({ policy }: { readonly policy: Policy }) {
  const search = useSearch({ from: "/policies/$policy" });
  const navigate = useNavigate({ from: "/policies/$policy" });
  const { rows, error } = usePages(
    "listPolicyVersions",
    { params: { id: policy.id }, query: { limit: 100 } },
    (page) => page.versions,
  );
  const versions = rows.toSorted((a, b) => b.version - a.version);
  const to = versions.find(({ version }) => version === (search.to ?? policy.version));
  const from = versions.find(({ version }) => version === (search.from ?? (to?.version ?? 1) - 1));
  const choices = versions.map(({ version, created_at }) => ({
    value: String(version),
    label: `version ${version}, ${formatMoment(created_at)}`,
  }));
  const show = (which: "from" | "to", version: string): void =>
    void navigate({ search: (before) => ({ ...before, [which]: Number(version) }), replace: true });
  return (
    <Section title="Versions">
      <ProblemAlert error={error} />
      {versions.length === 1 && <Text size="sm">It was never changed.</Text>}
      {versions.length > 1 && to !== undefined && (
        <>
          <Group mb="sm" gap="sm">
            <NativeSelect
              label="From"
              value={String(from?.version ?? "")}
              data={choices}
              onChange={({ currentTarget }) => show("from", currentTarget.value)}
            />
            <NativeSelect
              label="To"
              value={String(to.version)}
              data={choices}
              onChange={({ currentTarget }) => show("to", currentTarget.value)}
            />
          </Group>
          <DiffView label="What was changed" before={versionText(from)} after={versionText(to)} />
        </>
      )}
    </Section>
  );
}

/** Empty where there was none: it was not made yet, or is deleted. */
function versionText(version: PolicyVersion | undefined): string {
  if (version === undefined || version.policy === null) return "";
  return textOf(inOrder(documentOf(version.policy)));
}

/** Two versions that say the same in another order are the same. */
function inOrder(document: PolicyDocument): PolicyDocument {
  const { name, attach, priority, mode, ...rules } = document;
  const sorted = Object.fromEntries(Object.entries(rules).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return { name, attach, priority, mode, ...sorted };
}
