import { useSearch } from "@tanstack/react-router";

/** Whose things the viewer looks at. In the address of every page, so that a link shows somebody else the same. */
export interface Place {
  /** Absent: `prod`. */
  readonly environment?: string;
  /** Absent: the viewer's own. */
  readonly tenant?: string;
}

export function readPlace(search: Record<string, unknown>): Place {
  const { environment, tenant } = search;
  return {
    ...(typeof environment === "string" && environment !== "" && { environment }),
    ...(typeof tenant === "string" && tenant !== "" && { tenant }),
  };
}

/** As the parameters of a query. */
export function usePlace(): Readonly<Record<string, string>> {
  const { environment, tenant } = useSearch({ strict: false }) as Place;
  return { ...(environment !== undefined && { environment }), ...(tenant !== undefined && { tenant }) };
}

/** The environment that all pages are about, by name. */
export function useEnvironment(): string {
  return usePlace()["environment"] ?? "prod";
}
