import { Badge } from "@mantine/core";
import { CODES, type Call } from "@tollhouse/contract/control-client";

const OUTCOMES: Readonly<Record<Call["outcome"], { readonly color: string; readonly label: string }>> = {
  settled: { color: "toll", label: "settled" },
  released: { color: "gray", label: "released" },
  blocked: { color: "red", label: "blocked" },
};

/** How a call ended; why, where it has a reason, on hover and beside it. */
export function CallOutcome({
  outcome,
  reason,
}: {
  readonly outcome: Call["outcome"];
  readonly reason: string | null;
}) {
  const { color, label } = OUTCOMES[outcome];
  return (
    <Badge color={color} variant="light" miw="max-content" title={reason === null ? undefined : titleOf(reason)}>
      {label}
    </Badge>
  );
}

/** A reason code in words; a code of another release as it is. */
export function titleOf(reason: string): string {
  return Object.hasOwn(CODES, reason) ? CODES[reason as keyof typeof CODES].title : reason;
}
