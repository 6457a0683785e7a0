import { Button, Group, NativeSelect, Stack } from "@mantine/core";
import type { PolicyDocument } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { useChange } from "../../api/use-operation.ts";
import { useMay } from "../../api/session.ts";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { Section } from "../../parts/section.tsx";
import { RehearsalResult } from "./rehearsal-result.tsx";

interface RehearsingProps {
  /** What would be in force; null: there is nothing to rehearse, and why is said elsewhere. */
  readonly draft: () => PolicyDocument | null;
  /** The policy in whose place it would be. */
  readonly replaces?: string;
}

const DAY_MS = 86_400_000;
const PERIODS = [
  { value: "1", label: "the last day" },
  { value: "7", label: "the last 7 days" },
  { value: "30", label: "the last 30 days" },
];

/** Holds a policy against the calls that were made: who would have been refused? Changes nothing. */
export function Rehearsing({ draft, replaces }: RehearsingProps) {
  const [days, setDays] = useState("7");
  const rehearse = useChange("rehearsePolicy", []);
  if (!useMay("manage")) return null;
  const start = (): void => {
    const policy = draft();
    if (policy === null) return;
    const from = new Date(Date.now() - Number(days) * DAY_MS).toISOString();
    rehearse.mutate({ input: { body: { policy, from, ...(replaces !== undefined && { replaces }) } } });
  };
  return (
    <Section
      title="Rehearsal"
      about="Holds it against calls that were made, as if it had been enforced: who would have been refused? It changes nothing."
    >
      <Stack gap="md">
        <Group gap="sm">
          <NativeSelect
            aria-label="Calls of"
            value={days}
            data={PERIODS}
            onChange={({ currentTarget }) => setDays(currentTarget.value)}
          />
          <Button variant="default" loading={rehearse.isPending} onClick={start}>
            Rehearse
          </Button>
        </Group>
        <ProblemAlert error={rehearse.error} />
        {rehearse.data !== undefined && <RehearsalResult rehearsal={rehearse.data} />}
      </Stack>
    </Section>
  );
}
