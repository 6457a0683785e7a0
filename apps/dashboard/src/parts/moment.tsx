import { formatMoment, formatUtc } from "./format.ts";

/** A time in the viewer's zone, with UTC on hover. */
export function Moment({ at, otherwise = "–" }: { readonly at: string | null; readonly otherwise?: string }) {
  if (at === null) return <>{otherwise}</>;
  return (
    <time dateTime={at} title={formatUtc(at)} style={{ whiteSpace: "nowrap" }}>
      {formatMoment(at)}
    </time>
  );
}
