import { Anchor, Button, Group, NativeSelect, SegmentedControl, Stack, Switch, Text } from "@mantine/core";
import { targetOf } from "@tollhouse/contract/control-client";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useOperation } from "../../api/use-operation.ts";
import { usePlace } from "../../app/place.ts";
import { Page } from "../../frame/page.tsx";
import { FilterChips } from "../../parts/filter-chips.tsx";
import { GROUPS, isGroup, readFilters, type Filters } from "../../parts/groups.ts";
import { isRange, RANGES, spanBefore, spanOf } from "../../parts/range.ts";
import { comparedRows, nextGroup } from "./pivot.ts";
import { PivotTable } from "./pivot-table.tsx";
import type { ExploreSearch } from "./route.ts";
import { SavedViews } from "./saved-views.tsx";

const route = getRouteApi("/explore");
const ROWS_MAX = 200;

/** Where the money goes: by one axis, pinned down by others, beside the time before. */
export function ExplorePage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const place = usePlace();
  const { range = "7d", compare = false } = search;
  const filters = readFilters({ ...search });
  const by = search.by ?? nextGroup(filters);
  const span = spanOf(range, new Date());
  const query = { ...filters, group_by: by, order: "cost" as const };
  const now = useOperation("getUsage", { query: { ...query, from: span.from, limit: ROWS_MAX } });
  const before = useOperation(
    "getUsage",
    { query: { ...query, ...spanBefore(span), limit: ROWS_MAX } },
    { enabled: compare },
  );
  const set = (changed: ExploreSearch): void => void navigate({ search: { ...search, ...changed }, replace: true });
  const withFilters = (changed: Filters, more: ExploreSearch = {}): void => {
    const { range: kept, compare: isCompared } = search;
    void navigate({
      search: { ...(kept && { range: kept }), ...(isCompared && { compare: isCompared }), ...more, ...changed },
    });
  };
  return (
    <Page
      title="Explore"
      actions={
        <>
          <SavedViews search={search} />
          <Button
            component="a"
            href={targetOf("getUsage", { query: { ...query, from: span.from, format: "csv" } }, place)}
            download
            variant="default"
            size="sm"
          >
            Export as CSV
          </Button>
        </>
      }
    >
      <Stack>
        <Group align="end" gap="md">
          <NativeSelect
            label="Spend by"
            value={by}
            data={GROUPS.map(({ value, label }) => ({ value, label }))}
            onChange={({ currentTarget: { value } }) => isGroup(value) && set({ by: value })}
          />
          <SegmentedControl
            aria-label="How far back"
            data={RANGES.map(({ value, label }) => ({ value, label }))}
            value={range}
            onChange={(text) => isRange(text) && set({ range: text })}
          />
          <Switch
            mb={8}
            label="Compare with the time before"
            checked={compare}
            onChange={({ currentTarget: { checked } }) => {
              const { compare: _, ...others } = search;
              void navigate({ search: checked ? { ...others, compare: true } : others, replace: true });
            }}
          />
        </Group>
        <Group justify="space-between">
          <FilterChips filters={filters} onChange={(changed) => withFilters(changed)} />
          <Anchor
            size="sm"
            ml="auto"
            renderRoot={(props) => <Link {...props} to="/calls" search={{ range, ...filters }} />}
          >
            The calls behind it
          </Anchor>
        </Group>
        <PivotTable
          by={by}
          rows={comparedRows(by, now.data, compare ? before.data : undefined)}
          total={now.data?.total}
          isCompared={compare}
          // Rows of another axis have no value of this one.
          isPending={
            now.isPending || now.isPlaceholderData || (compare && (before.isPending || before.isPlaceholderData))
          }
          error={now.error ?? (compare ? before.error : null)}
          onOpen={(value) => withFilters({ ...filters, [by]: value })}
        />
        {typeof now.data?.next_cursor === "string" && (
          <Text size="sm" c="dimmed">
            These are the {ROWS_MAX} that cost most. The export has all of them.
          </Text>
        )}
      </Stack>
    </Page>
  );
}
