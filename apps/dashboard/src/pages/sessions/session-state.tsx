import { StateBadge } from "../../parts/state-badge.tsx";

export function SessionState({ state }: { readonly state: "active" | "frozen" }) {
  return <StateBadge tone={state === "frozen" ? "bad" : "good"}>{state}</StateBadge>;
}
