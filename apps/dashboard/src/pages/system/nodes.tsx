import { Stack, Text } from "@mantine/core";
import type { System, SystemNode } from "@tollhouse/contract/control-client";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { formatBytes, formatCount } from "../../parts/format.ts";
import { Moment } from "../../parts/moment.tsx";
import { Section } from "../../parts/section.tsx";
import { StateBadge } from "../../parts/state-badge.tsx";

const COLUMNS: readonly Column<SystemNode>[] = [
  {
    header: "Name",
    cell: ({ name, address }) => (
      <Stack gap={0}>
        <span>{name}</span>
        <Text size="xs" c="dimmed">
          {address}
        </Text>
      </Stack>
    ),
  },
  { header: "State", cell: (node) => <StateOf node={node} /> },
  { header: "Does", cell: ({ roles }) => roles.join(", ") },
  { header: "Version", cell: ({ version }) => version },
  { header: "Heard of", cell: ({ last_beat_at }) => <Moment at={last_beat_at} /> },
  { header: "Calls", isNumber: true, cell: ({ calls_in_flight }) => formatCount(calls_in_flight) },
  { header: "Reservations", isNumber: true, cell: ({ reservations }) => formatCount(reservations) },
  { header: "Spool", isNumber: true, cell: ({ spool_bytes }) => formatBytes(spool_bytes) },
];

function StateOf({ node: { state, live, configuration } }: { readonly node: SystemNode }) {
  if (!live && state !== "stopped") return <StateBadge tone="bad">gone</StateBadge>;
  return (
    <Stack gap={2} align="start">
      <StateBadge tone={state === "up" ? "good" : "quiet"}>{state}</StateBadge>
      {configuration?.behind === true && <Text size="xs">has not heard of the newest rules</Text>}
    </Stack>
  );
}

export function Nodes({ nodes }: { readonly nodes: System["nodes"] }) {
  return (
    <Section title="Nodes" about="Processes of this installation; each writes a sign of life every second.">
      {nodes === null ? (
        <Text size="sm">Unknown: the database, which knows them, does not answer.</Text>
      ) : (
        <DataTable
          caption="Nodes"
          columns={COLUMNS}
          rows={nodes}
          keyOf={({ id }) => id}
          empty={
            <Text size="sm">
              This process alone. Several share their counters by a REDIS_URL that all of them are given.
            </Text>
          }
        />
      )}
    </Section>
  );
}
