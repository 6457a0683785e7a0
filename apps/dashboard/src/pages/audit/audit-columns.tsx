import { Button, Code, Stack, Text } from "@mantine/core";
import type { AuditPage } from "@tollhouse/contract/control-client";
import { Actor } from "../../parts/actor.tsx";
import type { Column } from "../../parts/data-table.tsx";
import { differencesOf, type Difference } from "../../parts/differences.ts";
import { Moment } from "../../parts/moment.tsx";

export type AuditedChange = AuditPage["changes"][number];

/** Changes that are shown beside each other in a row; the rest is a click away. */
const SHOWN_MAX = 3;
/** They change with every change, and say nothing of it. */
const SELF_EVIDENT = new Set(["version", "id", "updated_at"]);

export function auditColumns(show: (change: AuditedChange) => void): readonly Column<AuditedChange>[] {
  return [
    { header: "Time", cell: ({ time }) => <Moment at={time} /> },
    { header: "Who", cell: ({ actor }) => <Actor actor={actor} /> },
    { header: "What", cell: ({ action }) => action ?? "unknown" },
    { header: "Of", cell: ({ subject }) => subject !== null && <Code>{subject}</Code> },
    { header: "Environment", cell: ({ environment }) => environment ?? "all" },
    { header: "Change", cell: (change) => <Summary change={change} /> },
    {
      header: "Details",
      isHeaderHidden: true,
      cell: (change) => (
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => show(change)}
          aria-label={`Details of entry ${change.sequence}`}
        >
          Details
        </Button>
      ),
    },
  ];
}

function Summary({ change: { before, after } }: { readonly change: AuditedChange }) {
  if (before === null && after === null) return null;
  const differences = differencesOf(before, after).filter(({ field }) => !SELF_EVIDENT.has(field));
  const shown = differences.filter((difference) => isTelling(difference)).slice(0, SHOWN_MAX);
  return (
    <Stack gap={2} maw={360}>
      {shown.map((difference) => (
        <Text size="sm" key={difference.field} lineClamp={1}>
          {difference.field}: {inWords(difference)}
        </Text>
      ))}
      {differences.length > shown.length && (
        <Text size="xs" c="dimmed">
          and {differences.length - shown.length} more
        </Text>
      )}
    </Stack>
  );
}

/** That a new thing does not have something says little. */
function isTelling({ before, after }: Difference): boolean {
  return !(before === null && after === "none") && !(after === null && before === "none");
}

function inWords({ before, after }: Difference): string {
  const shown = [before, after].filter((text) => text !== null).map(shortAmount);
  return shown.join(" → ");
}

/** `25.000000000` → `25.00`: a row has no room for zeros that say nothing. */
function shortAmount(text: string): string {
  return text.replace(/^(-?\d+\.\d\d\d*?)0+$/, "$1");
}
