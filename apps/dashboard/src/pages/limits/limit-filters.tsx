import { Group, NativeSelect, SegmentedControl, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useNavigate } from "@tanstack/react-router";
import { MEASURES, type Measure } from "../../parts/limit-words.ts";
import { SCOPE_KINDS, type ScopeKind } from "../../parts/scope.tsx";
import type { LimitSearch } from "./route.ts";

const TYPING_MS = 300;

/** Which limits are shown. It stands in the address. */
export function LimitFilters({ search: { measure, kind, name } }: { readonly search: LimitSearch }) {
  const navigate = useNavigate({ from: "/limits" });
  const show = (next: { readonly [K in keyof LimitSearch]: LimitSearch[K] | undefined }): void =>
    void navigate({ search: (before) => withoutNothing({ ...before, ...next }), replace: true });
  const showNamed = useDebouncedCallback((text: string) => show({ name: text === "" ? undefined : text }), TYPING_MS);
  return (
    <Group mb="md" gap="sm" align="flex-end">
      <SegmentedControl
        aria-label="Measure"
        value={measure ?? ""}
        data={[{ value: "", label: "All" }, ...MEASURES]}
        onChange={(value) => show({ measure: value === "" ? undefined : (value as Measure) })}
      />
      <NativeSelect
        aria-label="Kind of scope"
        value={kind ?? ""}
        data={[
          { value: "", label: "any scope" },
          ...SCOPE_KINDS.map((each) => ({ value: each, label: each === "org" ? "the whole organisation" : each })),
        ]}
        onChange={({ currentTarget: { value } }) =>
          show({ kind: value === "" ? undefined : (value as ScopeKind), name: undefined })
        }
      />
      {kind !== undefined && kind !== "org" && (
        <TextInput
          key={kind}
          aria-label={`Which ${kind}`}
          placeholder={`any ${kind}`}
          defaultValue={name ?? ""}
          onChange={({ currentTarget }) => showNamed(currentTarget.value.trim())}
        />
      )}
    </Group>
  );
}

function withoutNothing<T extends object>(search: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as never;
}
