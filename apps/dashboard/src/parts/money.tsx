import { formatUsd } from "./format.ts";

/** An amount of US dollars, a decimal string as the API tells it; to the cent, or further where it is less. Whole on hover. */
export function Money({ usd }: { readonly usd: string | null }) {
  if (usd === null) return <span title="The cost is not known">unknown</span>;
  return <span title={`$${usd}`}>{formatUsd(usd)}</span>;
}
