import { Code, Text } from "@mantine/core";
import type { Decision } from "@tollhouse/contract/control-client";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { formatCount } from "../../parts/format.ts";
import { Panel } from "../../parts/panel.tsx";

type Attempt = Decision["attempts"][number];

const BY: Readonly<Record<Attempt["by"], string>> = {
  gateway: "Tollhouse",
  client: "the client, which recorded it",
};

const COLUMNS: readonly Column<Attempt>[] = [
  { header: "At", cell: ({ provider }) => provider ?? "–" },
  { header: "Asked by", cell: ({ by }) => BY[by] },
  { header: "Answer", cell: ({ status }) => (status === null ? "none that is known of" : `HTTP ${status}`) },
  { header: "Model that answered", cell: ({ served_model }) => coded(served_model, "not said") },
  { header: "Service tier", cell: ({ tier }) => tier ?? "not said" },
  {
    header: "Took",
    isNumber: true,
    cell: ({ latency_ms }) => (latency_ms === null ? "–" : `${formatCount(latency_ms)} ms`),
  },
  { header: "The provider's id of it", cell: ({ provider_id }) => coded(provider_id, "none") },
];

function coded(text: string | null, otherwise: string) {
  return text === null ? otherwise : <Code>{text}</Code>;
}

/** What was asked of providers, in its order. */
export function CallAttempts({ attempts }: { readonly attempts: readonly Attempt[] }) {
  return (
    <Panel title="Attempts">
      <DataTable
        caption="Attempts at providers"
        columns={COLUMNS}
        rows={attempts}
        keyOf={({ provider, provider_id }) => `${provider ?? ""} ${provider_id ?? ""}`}
        empty={
          <Text size="sm" c="dimmed">
            None: it was blocked before anything was sent to a provider.
          </Text>
        }
      />
    </Panel>
  );
}
