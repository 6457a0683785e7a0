import { Button, Group, Stack, Table, Text } from "@mantine/core";
import type { Policy } from "@tollhouse/contract/control-client";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useMay } from "../../api/session.ts";
import { useChange, useOperation } from "../../api/use-operation.ts";
import { Page } from "../../frame/page.tsx";
import { Confirm } from "../../parts/confirm.tsx";
import { Moment } from "../../parts/moment.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { Section } from "../../parts/section.tsx";
import { AttachedTo } from "./attached-to.tsx";
import { PolicyMode } from "./policy-mode.tsx";
import { documentOf } from "./policy-text.ts";
import { PolicyVersions } from "./policy-versions.tsx";
import { rulesOf } from "./policy-words.ts";
import { Rehearsing } from "./rehearsing.tsx";

type Asked = "mode" | "delete" | null;

/** One policy: what it says in words, what it would have done, and what it said before. */
export function PolicyPage() {
  const { policy: id } = useParams({ from: "/policies/$policy" });
  const [asked, setAsked] = useState<Asked>(null);
  const { data, error } = useOperation("getPolicy", { params: { id } });
  const close = () => setAsked(null);
  return (
    <Page title={data?.name ?? "Policy"} actions={data !== undefined && <Actions policy={data} ask={setAsked} />}>
      <ProblemAlert error={error} />
      {data !== undefined && (
        <Stack gap="xl">
          <Text component="div" size="sm">
            <PolicyMode mode={data.mode} /> For <AttachedTo attach={data.attach} />, priority {data.priority}. Version{" "}
            {data.version}, of <Moment at={data.created_at} />.
          </Text>
          <Rules policy={data} />
          <Rehearsing draft={() => documentOf(data)} replaces={id} />
          <PolicyVersions policy={data} />
        </Stack>
      )}
      {data !== undefined && asked === "mode" && <ChangeMode policy={data} onClose={close} />}
      {data !== undefined && asked === "delete" && <DeletePolicy policy={data} onClose={close} />}
    </Page>
  );
}

interface ActionsProps {
  readonly policy: Policy;
  readonly ask: (asked: Asked) => void;
}

function Actions({ policy: { id, mode }, ask }: ActionsProps) {
  if (!useMay("manage")) return null;
  return (
    <Group gap="sm">
      <Button variant="default" c="red" onClick={() => ask("delete")}>
        Delete
      </Button>
      <Button variant="default" onClick={() => ask("mode")}>
        {mode === "enforce" ? "Only observe" : "Enforce"}
      </Button>
      <Button renderRoot={(props) => <Link {...props} to="/policies/$policy/edit" params={{ policy: id }} />}>
        Edit
      </Button>
    </Group>
  );
}

function Rules({ policy }: { readonly policy: Policy }) {
  const rules = rulesOf(policy);
  return (
    <Section title="What it says">
      {rules.length === 0 ? (
        <Text size="sm">Nothing: it sets no rule, and every call passes it.</Text>
      ) : (
        <Table aria-label="What it says">
          <Table.Tbody>
            {rules.map(({ about, says }) => (
              <Table.Tr key={`${about} ${says}`}>
                <Table.Th scope="row" w="30%" fw={500}>
                  {about}
                </Table.Th>
                <Table.Td style={{ overflowWrap: "anywhere" }}>{says}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Section>
  );
}

interface AskedProps {
  readonly policy: Policy;
  readonly onClose: () => void;
}

function ChangeMode({ policy, onClose }: AskedProps) {
  const change = useChange("updatePolicy", ["listPolicies", "getPolicy", "listPolicyVersions"], onClose);
  const mode = policy.mode === "enforce" ? "observe" : "enforce";
  return (
    <Confirm
      title={mode === "enforce" ? `Enforce ${policy.name}?` : `Only observe with ${policy.name}?`}
      action={mode === "enforce" ? "Enforce" : "Only observe"}
      isBusy={change.isPending}
      error={change.error}
      onConfirm={() =>
        change.mutate({
          input: { params: { id: policy.id }, body: { ...documentOf(policy), mode } },
          version: policy.version,
        })
      }
      onClose={onClose}
    >
      {mode === "enforce"
        ? "From the next call on it decides: what it forbids is refused. A rehearsal says which calls of the past it would have refused."
        : "From the next call on it decides nothing; each decision still says what it would have done."}
    </Confirm>
  );
}

function DeletePolicy({ policy, onClose }: AskedProps) {
  const navigate = useNavigate();
  const remove = useChange("deletePolicy", ["listPolicies"], () => void navigate({ to: "/policies" }));
  return (
    <Confirm
      title={`Delete ${policy.name}?`}
      action="Delete"
      isBusy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate({ input: { params: { id: policy.id } }, version: policy.version })}
      onClose={onClose}
    >
      From the next call on, what it set is set by less specific policies, or not at all.
    </Confirm>
  );
}
