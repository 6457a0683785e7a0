import { Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { UsageReport } from "@tollhouse/contract/control-client";
import { useEnvironment } from "../../app/place.ts";
import { usePages } from "../../api/use-operation.ts";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { formatCount } from "../../parts/format.ts";
import { Money } from "../../parts/money.tsx";
import { Section } from "../../parts/section.tsx";

type Row = UsageReport["rows"][number];

const COLUMNS: readonly Column<Row>[] = [
  { header: "Model", cell: ({ model }) => model ?? "none" },
  { header: "Cost", isNumber: true, cell: ({ cost }) => <Money usd={cost} /> },
  { header: "Calls", isNumber: true, cell: ({ calls }) => formatCount(calls) },
  { header: "Blocked", isNumber: true, cell: ({ blocked }) => formatCount(blocked) },
  { header: "Input tokens", isNumber: true, cell: ({ input_tokens }) => formatCount(input_tokens) },
  { header: "Output tokens", isNumber: true, cell: ({ output_tokens }) => formatCount(output_tokens) },
];

interface SpentByModelProps {
  readonly dimension: "session" | "user" | "customer";
  readonly value: string;
}

/** What was used of each model, ever. */
export function SpentByModel({ dimension, value }: SpentByModelProps) {
  const environment = useEnvironment();
  const query = { [dimension]: value, environment, group_by: "model", order: "cost", limit: 50 } as const;
  const usage = usePages("getUsage", { query }, (page) => page.rows);
  return (
    <Section
      title="What it used"
      actions={
        <Anchor size="sm" renderRoot={(props) => <Link {...props} to="/calls" search={{ [dimension]: value }} />}>
          See its calls
        </Anchor>
      }
    >
      <DataTable
        caption={`What ${dimension} ${value} used of each model`}
        columns={COLUMNS}
        keyOf={({ model }) => model ?? ""}
        empty={
          <EmptyState isInner title="No call yet">
            Nothing of it stands in the ledger of this environment.
          </EmptyState>
        }
        {...usage}
      />
    </Section>
  );
}
