/** By what spend is told apart, from the whole to its parts. */
export const GROUPS = [
  { value: "customer", label: "Customer" },
  { value: "team", label: "Team" },
  { value: "service", label: "Service" },
  { value: "feature", label: "Feature" },
  { value: "agent", label: "Agent" },
  { value: "user", label: "User" },
  { value: "session", label: "Session" },
  { value: "model", label: "Model" },
  { value: "provider", label: "Provider" },
  { value: "key", label: "Key" },
] as const;
export type Group = (typeof GROUPS)[number]["value"];

/** Which calls are meant: of each axis one value; an empty one is for calls without. */
export type Filters = { readonly [G in Group]?: string };

export function readFilters(search: Record<string, unknown>): Filters {
  return Object.fromEntries(
    GROUPS.flatMap(({ value }) => {
      const asked = search[value];
      // An address that was typed may say 42, which is read as a number.
      return typeof asked === "string" || typeof asked === "number" ? [[value, String(asked)]] : [];
    }),
  );
}

export function isGroup(text: unknown): text is Group {
  return GROUPS.some(({ value }) => value === text);
}

export function groupLabel(group: Group): string {
  return GROUPS.find(({ value }) => value === group)?.label ?? group;
}
