import { Button, Code, Group, NativeSelect, Text, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { Price } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { useOperation } from "../../api/use-operation.ts";
import { Page } from "../../frame/page.tsx";
import { DataTable } from "../../parts/data-table.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { formatCount } from "../../parts/format.ts";
import { priceColumns } from "./price-columns.tsx";
import { PriceDetails } from "./price-details.tsx";
import type { PricesSearch } from "./route.ts";

const STEP = 50;
const TYPING_MS = 200;

/** The price book in force, as this installation rates calls with it. */
export function PricesPage() {
  const search = useSearch({ from: "/prices" });
  const { data, error, isPending } = useOperation("listPrices", {});
  const rows = (data?.prices ?? []).filter((price) => fits(price, search));
  return (
    <Page title="Prices">
      <PriceFilters prices={data?.prices ?? []} search={search} />
      {data !== undefined && (
        <Text size="sm" c="dimmed" mb="sm" role="status">
          {formatCount(rows.length)} of {formatCount(data.prices.length)} prices of the book {data.version}. Prices of
          your own stand under <Code>prices:</Code> of a provider in <Code>tollhouse.yaml</Code>, and go before the
          book&apos;s.
        </Text>
      )}
      <Shown key={`${search.provider} ${search.model}`} rows={rows} isPending={isPending} error={error} />
    </Page>
  );
}

interface ShownProps {
  readonly rows: readonly Price[];
  readonly isPending: boolean;
  readonly error: Error | null;
}

/** A page's worth at a time: the whole book would be a thousand rows at once. */
function Shown({ rows, isPending, error }: ShownProps) {
  const [shown, setShown] = useState(STEP);
  const [detailed, setDetailed] = useState<Price | null>(null);
  return (
    <>
      <DataTable
        caption="Prices"
        columns={priceColumns(setDetailed)}
        rows={rows.slice(0, shown)}
        keyOf={({ id, valid_from }) => `${id} ${valid_from ?? ""}`}
        empty={
          <EmptyState title="No such price">
            A call of a model without a price is refused where a hard budget applies. Give it one under{" "}
            <Code>prices:</Code> of its provider in <Code>tollhouse.yaml</Code>.
          </EmptyState>
        }
        isPending={isPending}
        error={error}
        more={rows.length > shown ? () => setShown(shown + STEP) : null}
      />
      {detailed !== null && <PriceDetails price={detailed} onClose={() => setDetailed(null)} />}
    </>
  );
}

function PriceFilters({ prices, search }: { readonly prices: readonly Price[]; readonly search: PricesSearch }) {
  const navigate = useNavigate({ from: "/prices" });
  const [model, setModel] = useState(search.model ?? "");
  const filter = (changed: PricesSearch) =>
    void navigate({ search: (before) => ({ ...before, ...changed }), replace: true, resetScroll: false });
  const filterSoon = useDebouncedCallback(filter, TYPING_MS);
  return (
    <Group align="end" gap="sm" mb="md">
      <NativeSelect
        label="Provider"
        value={search.provider ?? ""}
        data={[{ value: "", label: "all" }, ...new Set(prices.map(({ provider }) => provider))]}
        onChange={({ currentTarget }) => filter({ provider: currentTarget.value })}
      />
      <TextInput
        label="Model"
        placeholder="part of its name"
        value={model}
        onChange={({ currentTarget }) => {
          setModel(currentTarget.value);
          filterSoon({ model: currentTarget.value });
        }}
      />
      {(search.provider ?? search.model) !== undefined && (
        <Button
          variant="subtle"
          onClick={() => {
            setModel("");
            filter({ provider: "", model: "" });
          }}
        >
          Show all
        </Button>
      )}
    </Group>
  );
}

function fits(price: Price, { provider, model }: PricesSearch): boolean {
  const named = model?.trim().toLowerCase() ?? "";
  return (provider === undefined || price.provider === provider) && price.model.toLowerCase().includes(named);
}
