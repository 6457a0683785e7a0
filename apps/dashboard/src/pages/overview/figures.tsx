import { Paper, SimpleGrid, Skeleton, Text } from "@mantine/core";
import type { Summary } from "@tollhouse/contract/control-client";
import type { ReactNode } from "react";
import { formatCount, formatShort, formatUsd } from "../../parts/format.ts";
import { Money } from "../../parts/money.tsx";

/** What is asked first: what it costs, where that leads, and how much of it went through. */
export function Figures({ summary }: { readonly summary: Summary | undefined }) {
  const { month, today } = summary ?? {};
  const unpriced = month?.cost_unknown ?? 0;
  return (
    <SimpleGrid cols={{ base: 2, md: 3, xl: 6 }}>
      <Figure label="Spent today" value={today && <Money usd={today.cost} />} note={today && callsOf(today)} />
      <Figure
        label="Spent this month"
        value={month && <Money usd={month.cost} />}
        note={
          unpriced > 0 ? `${formatCount(unpriced)} calls without a known price are not in it` : "since the 1st, UTC"
        }
      />
      <Figure
        label="Forecast for the month"
        value={summary && <Forecast forecast={summary.forecast} />}
        note={summary && forecastWords(summary.forecast)}
      />
      <Figure label="Calls this month" value={month && formatCount(month.calls)} note={month && released(month)} />
      <Figure
        label="Tokens this month"
        value={month && formatShort(month.input_tokens + month.output_tokens)}
        note={month && `${formatShort(month.input_tokens)} in, ${formatShort(month.output_tokens)} out`}
      />
      <Figure
        label="Blocked this month"
        value={month && formatCount(month.blocked)}
        note={month && share(month.blocked, month.calls + month.blocked)}
      />
    </SimpleGrid>
  );
}

function Forecast({ forecast }: Pick<Summary, "forecast">) {
  return forecast === null ? "–" : <Money usd={forecast.cost} />;
}

interface FigureProps {
  readonly label: string;
  /** undefined: not known yet; it keeps its place. */
  readonly value: ReactNode;
  readonly note: string | undefined;
}

function Figure({ label, value, note }: FigureProps) {
  return (
    <Paper withBorder p="md">
      <Text c="dimmed" size="sm">
        {label}
      </Text>
      <Skeleton visible={value === undefined} mih={36}>
        <Text size="xl" fw={600} component="div">
          {value}
        </Text>
      </Skeleton>
      <Text size="xs" c="dimmed" mih={34}>
        {note}
      </Text>
    </Paper>
  );
}

function callsOf({ calls }: Summary["today"]): string {
  return `${formatCount(calls)} calls, since midnight UTC`;
}

function released({ released: free }: Summary["month"]): string {
  return free === 0 ? "each with a cost" : `${formatCount(free)} ended without a cost`;
}

function share(part: number, all: number): string {
  return all === 0 ? "of no calls" : `${((part * 100) / all).toFixed(1)} % of what was asked for`;
}

/** How it is reckoned stands beside it: nobody plans by a figure whose origin they do not know. */
function forecastWords(forecast: Summary["forecast"]): string {
  if (forecast === null) return "after the first full day of calls";
  const days = forecast.days === 1 ? "the last full day" : `the last ${forecast.days} full days`;
  return `the rest of it at ${formatUsd(forecast.per_day)} a day, as ${days}`;
}
