import { Button, Group } from "@mantine/core";
import { groupLabel, isGroup, type Filters } from "./groups.ts";

interface FilterChipsProps {
  readonly filters: Filters;
  readonly onChange: (filters: Filters) => void;
}

/** What is meant, each with the way to take it back. */
export function FilterChips({ filters, onChange }: FilterChipsProps) {
  const set = Object.entries(filters).flatMap(([group, value]) =>
    isGroup(group) && value !== undefined ? [{ group, value }] : [],
  );
  if (set.length === 0) return null;
  return (
    <Group gap="xs" role="group" aria-label="Only">
      {set.map(({ group, value }) => {
        const words = value === "" ? `no ${group}` : `${groupLabel(group)}: ${value}`;
        return (
          <Button
            key={group}
            size="compact-sm"
            variant="light"
            rightSection={<span aria-hidden="true">×</span>}
            aria-label={`Remove ${words}`}
            onClick={() => {
              const { [group]: _, ...others } = filters;
              onChange(others);
            }}
          >
            {words}
          </Button>
        );
      })}
    </Group>
  );
}
