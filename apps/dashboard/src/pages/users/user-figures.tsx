import { Paper, SimpleGrid, Text } from "@mantine/core";
import type { UserSummary } from "@tollhouse/contract/control-client";
import { formatCount } from "../../parts/format.ts";
import { Money } from "../../parts/money.tsx";

/** What a user spends, and the plan it is on. */
export function UserFigures({ summary: { plan, today, month, all_time } }: { readonly summary: UserSummary }) {
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }}>
      <Figure label="Today" sums={today} />
      <Figure label="This month" sums={month} />
      <Figure label="All time" sums={all_time} />
      <Paper withBorder p="md">
        <Text c="dimmed" size="sm">
          Plan
        </Text>
        <Text size="xl" fw={600} truncate>
          {plan ?? "none"}
        </Text>
        <Text size="sm">{plan === null ? "the customer's, or what its calls say" : "whatever its calls say"}</Text>
      </Paper>
    </SimpleGrid>
  );
}

function Figure({ label, sums }: { readonly label: string; readonly sums: UserSummary["today"] }) {
  return (
    <Paper withBorder p="md">
      <Text c="dimmed" size="sm">
        {label}
      </Text>
      <Text size="xl" fw={600}>
        <Money usd={sums.cost} />
      </Text>
      <Text size="sm">
        {formatCount(sums.calls)} calls, {formatCount(sums.blocked)} blocked
      </Text>
    </Paper>
  );
}
