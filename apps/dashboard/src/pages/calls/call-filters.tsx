import { Button, Group, NativeSelect, TextInput } from "@mantine/core";
import { CODES, type ReasonCode } from "@tollhouse/contract/control-client";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { GROUPS, isGroup, type Group as GroupName } from "../../parts/groups.ts";
import { isRange, RANGES } from "../../parts/range.ts";
import { OUTCOMES, type CallsSearch } from "./route.ts";

interface CallFiltersProps {
  readonly search: CallsSearch;
  readonly onChange: (search: CallsSearch) => void;
}

/** Which calls are meant: everything here is in the address, so that it can be sent to somebody. */
export function CallFilters({ search, onChange }: CallFiltersProps) {
  const set = (name: "range" | "outcome" | "reason" | "min_cost", value: string | undefined): void => {
    const { [name]: _, ...others } = search;
    onChange(value === undefined || value === "" ? others : { ...others, [name]: value });
  };
  return (
    <Group align="end" gap="sm">
      <NativeSelect
        label="When"
        value={search.range ?? ""}
        data={[
          { value: "", label: "any time" },
          ...RANGES.map(({ value, label }) => ({ value, label: `the last ${label}` })),
        ]}
        onChange={({ currentTarget: { value } }) => set("range", isRange(value) ? value : undefined)}
      />
      <NativeSelect
        label="Ended"
        value={search.outcome ?? ""}
        data={[{ value: "", label: "in any way" }, ...OUTCOMES]}
        onChange={({ currentTarget: { value } }) => set("outcome", value)}
      />
      <NativeSelect
        label="Why"
        maw={260}
        value={search.reason ?? ""}
        data={[{ value: "", label: "for any reason" }, ...REASONS]}
        onChange={({ currentTarget: { value } }) => set("reason", value)}
      />
      <LeastCost key={search.min_cost} cost={search.min_cost} onChange={(cost) => set("min_cost", cost)} />
      <OneValue onAdd={(group, value) => onChange({ ...search, [group]: value })} />
      <FindCall />
    </Group>
  );
}

/** What only requests to the control API are answered with: no call ends so. */
const OF_CONTROL: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  "ADMIN_KEY_REQUIRED",
  "SESSION_ENDED",
  "SIGN_IN_FAILED",
  "SIGN_IN_REFUSED",
  "CROSS_SITE_REQUEST",
  "ROLE_INSUFFICIENT",
  "LAST_OWNER",
  "NOT_FOUND",
  "DETAILS_PURGED",
  "ALREADY_EXISTS",
  "USER_IN_USE",
  "ALREADY_REVOKED",
  "VERSION_CONFLICT",
  "PRECONDITION_FAILED",
]);

/** Reasons that a call can end with, by what they say. */
const REASONS = (Object.keys(CODES) as ReasonCode[])
  .filter((code) => !OF_CONTROL.has(code))
  .map((code) => ({ value: code, label: CODES[code].title }))
  .toSorted((a, b) => (a.label < b.label ? -1 : 1));

function LeastCost({
  cost,
  onChange,
}: {
  readonly cost: string | undefined;
  readonly onChange: (cost: string) => void;
}) {
  const [text, setText] = useState(cost ?? "");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onChange(text.trim());
      }}
    >
      <TextInput
        label="Cost at least ($)"
        placeholder="0.05"
        inputMode="decimal"
        w={130}
        value={text}
        onChange={({ currentTarget }) => setText(currentTarget.value)}
        onBlur={() => text.trim() !== (cost ?? "") && onChange(text.trim())}
      />
    </form>
  );
}

/** Adds one value of one dimension to what is meant. */
function OneValue({ onAdd }: { readonly onAdd: (group: GroupName, value: string) => void }) {
  const [group, setGroup] = useState<GroupName>("session");
  const [value, setValue] = useState("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (value.trim() === "") return;
        onAdd(group, value.trim());
        setValue("");
      }}
    >
      <Group align="end" gap={4} wrap="nowrap">
        <NativeSelect
          label="Whose"
          value={group}
          data={GROUPS.map((one) => ({ value: one.value, label: one.label }))}
          onChange={({ currentTarget }) => isGroup(currentTarget.value) && setGroup(currentTarget.value)}
        />
        <TextInput
          aria-label="Its name"
          placeholder="run-42"
          w={130}
          value={value}
          onChange={({ currentTarget }) => setValue(currentTarget.value)}
        />
        <Button type="submit" variant="default">
          Add
        </Button>
      </Group>
    </form>
  );
}

/** A call by the id that a client was told: `x-tollhouse-decision`. */
function FindCall() {
  const navigate = useNavigate();
  const [id, setId] = useState("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (id.trim() !== "") void navigate({ to: "/calls/$decision", params: { decision: id.trim() } });
      }}
    >
      <Group align="end" gap={4} wrap="nowrap">
        <TextInput
          label="Or one call"
          placeholder="dec_…"
          w={160}
          value={id}
          onChange={({ currentTarget }) => setId(currentTarget.value)}
        />
        <Button type="submit" variant="default">
          Find
        </Button>
      </Group>
    </form>
  );
}
