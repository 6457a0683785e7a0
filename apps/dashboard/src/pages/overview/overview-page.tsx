import { Paper, SimpleGrid, Text } from "@mantine/core";
import type { Summary } from "@tollhouse/contract/control-client";
import { useOperation } from "../../api/use-operation.ts";
import { Page } from "../../frame/page.tsx";
import { formatCount } from "../../parts/format.ts";
import { Money } from "../../parts/money.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";

type Sums = Summary["today"];

export function OverviewPage() {
  const { data, error } = useOperation("getSummary", {});
  return (
    <Page title="Overview">
      <ProblemAlert error={error} />
      {data !== undefined && (
        <SimpleGrid cols={{ base: 1, sm: 3 }}>
          <Figure label="Today" sums={data.today} />
          <Figure label="This month" sums={data.month} />
          <Figure label="All time" sums={data.all_time} />
        </SimpleGrid>
      )}
    </Page>
  );
}

function Figure({ label, sums }: { readonly label: string; readonly sums: Sums }) {
  return (
    <Paper withBorder p="md">
      <Text c="dimmed" size="sm">
        {label}
      </Text>
      <Text size="xl" fw={600}>
        <Money usd={sums.cost} />
      </Text>
      <Text size="sm">{formatCount(sums.calls)} calls</Text>
    </Paper>
  );
}
