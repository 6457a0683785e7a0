import type { Policy } from "@tollhouse/contract/control-client";
import { StateBadge } from "../../parts/state-badge.tsx";

const SAYS = {
  enforce: "It decides",
  observe: "It decides nothing: what it would have done stands in each decision",
} as const;

/** Whether a policy decides, or only says in decisions what it would have done. */
export function PolicyMode({ mode }: Pick<Policy, "mode">) {
  return (
    <span title={SAYS[mode]}>
      <StateBadge tone={mode === "enforce" ? "good" : "quiet"}>{mode}</StateBadge>
    </span>
  );
}
