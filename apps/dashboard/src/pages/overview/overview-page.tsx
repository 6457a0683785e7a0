import { Grid, SegmentedControl } from "@mantine/core";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useOperation } from "../../api/use-operation.ts";
import { Page } from "../../frame/page.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { isRange, RANGES } from "../../parts/range.ts";
import { Figures } from "./figures.tsx";
import { FirstCall } from "./first-call.tsx";
import { LiveFeed } from "./live-feed.tsx";
import { NearestBudgets } from "./nearest-budgets.tsx";
import { SpendBy } from "./spend-by.tsx";
import { SpendOverTime } from "./spend-over-time.tsx";

const route = getRouteApi("/");

export function OverviewPage() {
  const { range = "7d", by = "model" } = route.useSearch();
  const navigate = useNavigate({ from: "/" });
  const { data, error } = useOperation("getSummary", {});
  if (data?.all_time.calls === 0 && data.all_time.blocked === 0) return <FirstCall />;
  return (
    <Page
      title="Overview"
      actions={
        <SegmentedControl
          aria-label="How far back"
          size="xs"
          data={RANGES.map(({ value, label }) => ({ value, label }))}
          value={range}
          onChange={(text) =>
            isRange(text) && void navigate({ search: (before) => ({ ...before, range: text }), replace: true })
          }
        />
      }
    >
      <ProblemAlert error={error} />
      <Grid>
        <Grid.Col span={12}>
          <Figures summary={data} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 8 }}>
          <SpendOverTime range={range} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 4 }}>
          <NearestBudgets limits={data?.nearest} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 6 }}>
          <SpendBy
            range={range}
            by={by}
            onBy={(group) => void navigate({ search: (before) => ({ ...before, by: group }), replace: true })}
          />
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 6 }}>
          <LiveFeed />
        </Grid.Col>
      </Grid>
    </Page>
  );
}
