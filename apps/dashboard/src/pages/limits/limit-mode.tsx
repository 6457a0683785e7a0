import { StateBadge } from "../../parts/state-badge.tsx";

/** Whether a limit refuses, or only says so. */
export function LimitMode({ mode }: { readonly mode: string }) {
  return (
    <span
      title={
        mode === "hard" ? "A call that does not fit is refused" : "A call that does not fit goes through, with an alert"
      }
    >
      <StateBadge tone={mode === "hard" ? "good" : "quiet"}>{mode}</StateBadge>
    </span>
  );
}
