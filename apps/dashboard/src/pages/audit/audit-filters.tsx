import { Autocomplete, Button, Group, TextInput } from "@mantine/core";
import { useState } from "react";
import type { AuditSearch } from "./route.ts";

/** What most installations change; any other can be typed. */
const ACTIONS = [
  "limit.create",
  "limit.update",
  "limit.delete",
  "policy.create",
  "policy.update",
  "policy.delete",
  "key.create",
  "key.update",
  "key.rotate",
  "key.revoke",
  "kill_switch.create",
  "kill_switch.delete",
  "block.create",
  "block.delete",
  "session.freeze",
  "session.unfreeze",
  "session.reset",
  "payload_logging.update",
];

interface AuditFiltersProps {
  readonly search: AuditSearch;
  readonly onChange: (search: AuditSearch) => void;
}

export function AuditFilters({ search, onChange }: AuditFiltersProps) {
  const [draft, setDraft] = useState<AuditSearch>(search);
  const set = (field: keyof AuditSearch) => (value: string) => setDraft({ ...draft, [field]: value });
  return (
    <form
      aria-label="Filters"
      onSubmit={(event) => {
        event.preventDefault();
        onChange(Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== "")));
      }}
    >
      <Group align="end" gap="sm" mb="lg">
        <Autocomplete
          label="What"
          placeholder="any"
          data={ACTIONS}
          value={draft.action ?? ""}
          onChange={set("action")}
        />
        <TextInput
          label="Id of what was changed"
          placeholder="any"
          value={draft.subject ?? ""}
          onChange={({ currentTarget }) => set("subject")(currentTarget.value)}
        />
        <DayInput label="From" value={draft.since} onChange={set("since")} />
        <DayInput label="To" value={draft.until} onChange={set("until")} />
        <Button type="submit" variant="default">
          Show
        </Button>
        {Object.keys(search).some((field) => field !== "tenant" && field !== "environment") && (
          <Button
            variant="subtle"
            onClick={() => {
              setDraft({});
              onChange({});
            }}
          >
            Show all
          </Button>
        )}
      </Group>
    </form>
  );
}

interface DayInputProps {
  readonly label: string;
  readonly value: string | undefined;
  readonly onChange: (value: string) => void;
}

function DayInput({ label, value, onChange }: DayInputProps) {
  return (
    <TextInput
      type="date"
      label={label}
      value={value ?? ""}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    />
  );
}
