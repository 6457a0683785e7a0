import { SimpleGrid } from "@mantine/core";
import type { System } from "@tollhouse/contract/control-client";
import { Facts } from "../../parts/facts.tsx";
import { formatBytes, formatCount } from "../../parts/format.ts";
import { Moment } from "../../parts/moment.tsx";
import { Money } from "../../parts/money.tsx";
import { Section } from "../../parts/section.tsx";

/** The process that answered, the stores behind it, and the money that is held now. */
export function ThisProcess({ system }: { readonly system: System }) {
  const { node, postgresql, redis, spool, recorder, reservations, allowance, worst_overspend } = system;
  return (
    <SimpleGrid cols={{ base: 1, lg: 3 }}>
      <Section title="The process that answered">
        <Facts
          of={[
            ["Name", node.name],
            ["Version", node.version],
            ["Address", node.address],
            ["Does", node.roles.join(", ")],
            ["Since", <Moment key="since" at={node.started_at} />],
          ]}
        />
      </Section>
      <Section title="Stores">
        <Facts
          of={[
            ["Database", `${postgresql.embedded ? "embedded" : "PostgreSQL"}, ${latency(postgresql)}`],
            ["Counters", redis === null ? "in memory, of this one process" : `Redis, ${latency(redis)}`],
            ["Spool", `${formatBytes(spool.bytes)} of ${formatBytes(spool.bytes_max)}`],
            ["Not in the ledger yet", `${formatCount(recorder.records)} records`],
          ]}
        />
      </Section>
      <Section title="Money">
        <Facts
          of={[
            ["Reservations now", formatCount(reservations.pending)],
            ["The oldest since", <Moment key="oldest" at={reservations.oldest_at} />],
            ["Most ever admitted beyond a hard limit", <Money key="worst" usd={worst_overspend} />],
            [
              "Allowance used",
              allowance === null ? (
                "none is needed"
              ) : (
                <span key="allowance">
                  <Money usd={allowance.used} /> of <Money usd={allowance.of} />
                </span>
              ),
            ],
          ]}
        />
      </Section>
    </SimpleGrid>
  );
}

function latency({
  reachable,
  latency_ms,
}: {
  readonly reachable: boolean;
  readonly latency_ms: number | null;
}): string {
  if (!reachable) return "does not answer";
  return latency_ms === null ? "answers" : `answers in ${latency_ms.toFixed(1)} ms`;
}
