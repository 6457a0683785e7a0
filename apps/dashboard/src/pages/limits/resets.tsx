import { Moment } from "../../parts/moment.tsx";

/** When what was used no longer counts. */
export function Resets({ window, at }: { readonly window: string; readonly at: string | null }) {
  if (window === "lifetime") return <>never</>;
  if (window === "rolling_24h") return <>as hours pass</>;
  return <Moment at={at} isShort />;
}
