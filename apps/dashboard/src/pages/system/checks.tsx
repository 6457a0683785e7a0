import { Alert, Text } from "@mantine/core";
import { systemChecks, type Check, type System } from "@tollhouse/contract/control-client";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { formatCount, formatMoment, formatUsd } from "../../parts/format.ts";
import { Section } from "../../parts/section.tsx";
import { StateBadge, type Tone } from "../../parts/state-badge.tsx";

const TONES: { readonly [S in Check["state"]]: Tone } = { ok: "good", warn: "look", fail: "bad", unknown: "quiet" };
const WORDS: { readonly [S in Check["state"]]: string } = {
  ok: "well",
  warn: "look at it",
  fail: "not well",
  unknown: "unknown",
};

const COLUMNS: readonly Column<Check>[] = [
  { header: "What", cell: ({ name }) => name },
  {
    header: "State",
    cell: ({ state }) => <StateBadge tone={TONES[state]}>{WORDS[state]}</StateBadge>,
  },
  { header: "Found", isProse: true, cell: ({ found }) => found },
  {
    header: "What to do",
    isProse: true,
    cell: ({ next }) =>
      next ?? (
        <Text span c="dimmed" size="sm">
          nothing
        </Text>
      ),
  },
];

/** The same rules as `tollhouse doctor`, in the same words. */
export function Checks({ system }: { readonly system: System }) {
  const checks = systemChecks(system, { money: formatUsd, count: formatCount, time: formatMoment });
  const bad = checks.filter(({ state }) => state !== "ok");
  return (
    <Section title="How it is" about="The same rules as tollhouse doctor.">
      {bad.length === 0 ? (
        <Alert color="toll" role="status" title="All is well">
          Calls are taken, what they used is written down, and no call was ever admitted beyond a hard limit.
        </Alert>
      ) : (
        <Alert
          color={bad.some(({ state }) => state === "fail") ? "red" : "yellow"}
          role="alert"
          title={bad.length === 1 ? "One thing needs a look" : `${bad.length} things need a look`}
        >
          {bad.map(({ name, found, next }) => (
            <Text size="sm" key={name}>
              <b>{name}</b>: {found}. {next}
            </Text>
          ))}
        </Alert>
      )}
      <DataTable caption="Checks" columns={COLUMNS} rows={checks} keyOf={({ name }) => name} empty={null} />
    </Section>
  );
}
