import { countOf, FieldError, type Fields, isFields } from "./fields.ts";
import type { Random } from "./random.ts";

export const ERROR_STATUSES = [400, 401, 404, 429, 500, 503, 529] as const;
export type ErrorStatus = (typeof ERROR_STATUSES)[number];

/**
 * What goes wrong with one call. Times in milliseconds, `after_bytes` counts bytes of the answer's body, `after_tokens`
 * generated tokens (hidden ones included). Faults of streams leave whole answers as they are, except that `stall` makes one late and
 * `error_mid_stream` turns it into a 500.
 */
export type Fault =
  /** Headers at once, the first event `ms` later; whole answers are late by `ms`. */
  | { readonly kind: "slow_first_token"; readonly ms: number }
  | { readonly kind: "stall"; readonly after_tokens: number; readonly ms: number }
  /** The socket is destroyed when that many body bytes are out. */
  | { readonly kind: "cut"; readonly after_bytes: number }
  | { readonly kind: "no_usage" }
  | { readonly kind: "usage_twice" }
  /** Running totals on every chunk, as some compatible hosts send them. */
  | { readonly kind: "usage_cumulative" }
  | { readonly kind: "usage_after_end" }
  /** An event that is no JSON, halfway. */
  | { readonly kind: "malformed_frame" }
  | { readonly kind: "error_status"; readonly status: ErrorStatus }
  /** The provider's error event halfway, then the end. */
  | { readonly kind: "error_mid_stream" }
  /** The provider reports, and bills, `factor` times the output it made. */
  | { readonly kind: "usage_too_big"; readonly factor: number }
  /** 400 if the request has `stream_options`. */
  | { readonly kind: "refuse_stream_options" }
  /** The stream ends without its closing event. */
  | { readonly kind: "no_done" };

type FaultKind = Fault["kind"];

const PARAMETERS: Readonly<Record<FaultKind, readonly string[]>> = {
  slow_first_token: ["ms"],
  stall: ["after_tokens", "ms"],
  cut: ["after_bytes"],
  no_usage: [],
  usage_twice: [],
  usage_cumulative: [],
  usage_after_end: [],
  malformed_frame: [],
  error_status: ["status"],
  error_mid_stream: [],
  usage_too_big: ["factor"],
  refuse_stream_options: [],
  no_done: [],
};

function isKind(kind: unknown): kind is FaultKind {
  return typeof kind === "string" && Object.hasOwn(PARAMETERS, kind);
}

function parameter(fault: Fields, name: string, prefix: string): number {
  const value = countOf(fault, name, name === "factor" ? 1 : 0, prefix);
  if (value === null) throw new FieldError(prefix + name, `${prefix}${name}: expected a number, found nothing.`);
  if (name === "status" && !(ERROR_STATUSES as readonly number[]).includes(value)) {
    throw new FieldError(prefix + name, `${prefix}${name}: expected one of ${ERROR_STATUSES.join(", ")}.`);
  }
  return value;
}

/** Reads a fault from JSON. Throws a FieldError that names what is wrong; unknown fields are refused. */
export function readFault(value: unknown, prefix = "fault."): Fault {
  const fault = isFields(value) ? value : null;
  const kind = fault?.["kind"];
  if (fault === null || !isKind(kind)) {
    throw new FieldError(`${prefix}kind`, `${prefix}kind: expected one of ${Object.keys(PARAMETERS).join(", ")}.`);
  }
  for (const name of Object.keys(fault)) {
    if (name !== "kind" && !PARAMETERS[kind].includes(name)) {
      throw new FieldError(prefix + name, `${prefix}${name}: expected only kind ${PARAMETERS[kind].join(", ")}.`);
    }
  }
  const read: Record<string, number | string> = { kind };
  for (const name of PARAMETERS[kind]) read[name] = parameter(fault, name, prefix);
  return read as unknown as Fault;
}

/** One of the faults, with parameters that make it bite within a usual answer. */
export function randomFault(random: Random): Fault {
  const faults: readonly Fault[] = [
    { kind: "slow_first_token", ms: random.between(5, 50) },
    { kind: "stall", after_tokens: random.between(1, 20), ms: random.between(5, 50) },
    { kind: "cut", after_bytes: random.between(0, 4000) },
    { kind: "no_usage" },
    { kind: "usage_twice" },
    { kind: "usage_cumulative" },
    { kind: "usage_after_end" },
    { kind: "malformed_frame" },
    { kind: "error_status", status: ERROR_STATUSES[random.between(0, ERROR_STATUSES.length - 1)] ?? 500 },
    { kind: "error_mid_stream" },
    { kind: "usage_too_big", factor: random.between(2, 5) },
    { kind: "refuse_stream_options" },
    { kind: "no_done" },
  ];
  return faults[random.between(0, faults.length - 1)] ?? { kind: "no_usage" };
}
