import type { ExploreSearch } from "./route.ts";
import { readExplore } from "./route.ts";

/** As it is kept: a query string, without whose things they are. */
export function writeSearch(search: ExploreSearch): string {
  const { environment: _, tenant: __, ...own } = search as ExploreSearch & Record<string, unknown>;
  return new URLSearchParams(Object.entries(own).map(([name, value]) => [name, String(value)])).toString();
}

/** What was kept by another release, or by hand, is read as an address would be. */
export function readSearch(text: string): ExploreSearch {
  const { compare, ...own } = Object.fromEntries(new URLSearchParams(text));
  return readExplore({ ...own, ...(compare === "true" && { compare: true }) });
}
