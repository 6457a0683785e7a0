import type { Key, KeyCreate } from "@tollhouse/contract/control-client";
import { fromLocalInput, toLocalInput } from "../../parts/local-input.ts";

export type Permission = NonNullable<KeyCreate["permissions"]>[number];
export type Dimension = keyof NonNullable<KeyCreate["fixed"]>;
export type Settable = NonNullable<KeyCreate["settable"]>[number];

export const PERMISSIONS: readonly { readonly value: Permission; readonly label: string }[] = [
  { value: "call", label: "call models" },
  { value: "record", label: "record usage of calls made elsewhere" },
  { value: "read", label: "read reports and settings" },
  { value: "manage", label: "change limits, policies and keys" },
];
export const DIMENSIONS: readonly Dimension[] = ["session", "agent", "feature", "service", "user", "team", "customer"];
export const SETTABLE: readonly Settable[] = [...DIMENSIONS, "plan"];

/** What the form of a key holds. Its names are the API's, so that what the server says of a field stands at it. */
export interface KeyValues extends Record<string, unknown> {
  name: string;
  permissions: Permission[];
  fixed: { dimension: Dimension; value: string }[];
  /** Only these; looked at where `isSettableBound`. */
  settable: Settable[];
  isSettableBound: boolean;
  models: string[];
  requests_per_minute: number | "";
  tokens_per_minute: number | "";
  /** As an input of the browser's zone has it: `2026-11-21T18:40`; empty = never. */
  expires_at: string;
}

export const NEW_KEY: KeyValues = {
  name: "",
  permissions: ["call"],
  fixed: [],
  settable: [],
  isSettableBound: false,
  models: [],
  requests_per_minute: "",
  tokens_per_minute: "",
  expires_at: "",
};

export function valuesOf(key: Key): KeyValues {
  return {
    name: key.name,
    permissions: [...key.permissions],
    fixed: fixedOf(key).map(([dimension, value]) => ({ dimension, value })),
    settable: [...(key.settable ?? [])],
    isSettableBound: key.settable !== null,
    models: [...(key.models ?? [])],
    requests_per_minute: key.requests_per_minute ?? "",
    tokens_per_minute: key.tokens_per_minute ?? "",
    expires_at: key.expires_at === null ? "" : toLocalInput(key.expires_at),
  };
}

export function bodyOf(values: KeyValues): KeyCreate {
  return {
    name: values.name.trim(),
    permissions: values.permissions,
    fixed: Object.fromEntries(values.fixed.map(({ dimension, value }) => [dimension, value])),
    settable: values.isSettableBound ? values.settable : null,
    models: values.models.length === 0 ? null : values.models,
    requests_per_minute: values.requests_per_minute === "" ? null : values.requests_per_minute,
    tokens_per_minute: values.tokens_per_minute === "" ? null : values.tokens_per_minute,
    expires_at: values.expires_at === "" ? null : fromLocalInput(values.expires_at),
  };
}

export function fixedOf({ fixed }: Pick<Key, "fixed">): [Dimension, string][] {
  return DIMENSIONS.flatMap((dimension) => {
    const value = fixed[dimension];
    return value === undefined ? [] : [[dimension, value] as [Dimension, string]];
  });
}
