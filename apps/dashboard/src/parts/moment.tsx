import { formatMoment, formatShortMoment, formatUtc } from "./format.ts";

interface MomentProps {
  readonly at: string | null;
  readonly otherwise?: string;
  /** Where there is little room. */
  readonly isShort?: boolean;
}

/** A time in the viewer's zone, with UTC on hover. */
export function Moment({ at, otherwise = "–", isShort }: MomentProps) {
  if (at === null) return <>{otherwise}</>;
  return (
    <time dateTime={at} title={formatUtc(at)} style={{ whiteSpace: "nowrap" }}>
      {isShort === true ? formatShortMoment(at) : formatMoment(at)}
    </time>
  );
}
