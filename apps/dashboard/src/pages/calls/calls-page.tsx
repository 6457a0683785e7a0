import { Anchor, Button, Stack, Text } from "@mantine/core";
import { targetOf } from "@tollhouse/contract/control-client";
import { getRouteApi } from "@tanstack/react-router";
import { usePages } from "../../api/use-operation.ts";
import { usePlace } from "../../app/place.ts";
import { Page } from "../../frame/page.tsx";
import { CallsTable } from "../../parts/calls-table.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { FilterChips } from "../../parts/filter-chips.tsx";
import { readFilters } from "../../parts/groups.ts";
import { Moment } from "../../parts/moment.tsx";
import { spanOf } from "../../parts/range.ts";
import { CallFilters } from "./call-filters.tsx";
import { NewCalls } from "./new-calls.tsx";
import type { CallsSearch } from "./route.ts";

const route = getRouteApi("/calls");
const EXPORTED_MAX = 100_000;

export function CallsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const place = usePlace();
  const input = { query: queryOf(search) };
  const { first, ...calls } = usePages("listCalls", input, (page) => page.calls);
  const gone = first?.purged_before;
  const change = (changed: CallsSearch): void => void navigate({ search: changed, replace: true });
  const file = targetOf("listCalls", { query: { ...input.query, format: "csv" } }, place);
  return (
    <Page
      title="Calls"
      actions={
        <Button component="a" href={file} download variant="default" size="sm" title={`At most ${EXPORTED_MAX} rows`}>
          Export as CSV
        </Button>
      }
    >
      <Stack>
        <CallFilters search={search} onChange={change} />
        <FilterChips
          filters={readFilters({ ...search })}
          onChange={(filters) => change({ ...withoutGroups(search), ...filters })}
        />
        <NewCalls shown={calls.rows} />
        <CallsTable
          caption="Calls, newest first"
          empty={
            <EmptyState title="No such call">
              {Object.keys(search).length === 0 ? (
                "Point a client at this address, and its calls stand here."
              ) : (
                <Anchor component="button" type="button" onClick={() => change({})}>
                  Look at all calls
                </Anchor>
              )}
            </EmptyState>
          }
          {...calls}
        />
        {gone !== undefined && (
          <Text size="sm">
            Calls before <Moment at={gone} /> are not told one by one any more: their details were removed, and their
            sums stay.
          </Text>
        )}
      </Stack>
    </Page>
  );
}

function queryOf({ range, outcome, reason, min_cost, ...filters }: CallsSearch) {
  return {
    ...filters,
    limit: 50,
    ...(range !== undefined && { from: spanOf(range, new Date()).from }),
    ...(outcome !== undefined && { outcome }),
    ...(reason !== undefined && { reason_code: reason }),
    ...(min_cost !== undefined && { min_cost }),
  };
}

function withoutGroups({ range, outcome, reason, min_cost }: CallsSearch): CallsSearch {
  return {
    ...(range !== undefined && { range }),
    ...(outcome !== undefined && { outcome }),
    ...(reason !== undefined && { reason }),
    ...(min_cost !== undefined && { min_cost }),
  };
}
