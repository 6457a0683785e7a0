import { readModels, readRatios, type ModelEntry, type PriceBookData, type ProviderData } from "./price-data.ts";
import type { PriceRow, Ratio } from "./price-row.ts";

/** Dated, versioned prices. Immutable: a new price is a new book with another version. */
export interface PriceBook {
  /** Goes on every intent and ledger entry that was priced with it. */
  readonly version: string;
  /**
   * The row for a model at a moment, or null: no price is known, and no cost can be. Own rows first, then exact ids, then the
   * book's prefix rules, then the providers that stand in (Azure → OpenAI); the last two are `assumed`.
   * A model asked for before is found with two map look-ups.
   */
  find(provider: string, model: string, atMs: number): PriceRow | null;
  rows(): readonly PriceRow[];
}

/** Names under which a provider may be configured → its name in the book. */
export const PROVIDER_NAMES: Readonly<Record<string, string>> = {
  gemini: "google",
  vertex: "google",
  "google-vertex": "google",
  xai: "x-ai",
  grok: "x-ai",
  "azure-openai": "azure",
  bedrock: "aws",
  togetherai: "together",
  "together-ai": "together",
  "fireworks-ai": "fireworks",
  moonshot: "moonshotai",
};

/** Remembered look-ups, found or not. A client can name any model, so the number is bounded and long names are not kept. */
const REMEMBERED_MAX = 10_000;
const MODEL_LENGTH_MAX = 256;
const DAY_MS = 86_400_000;
const NO_ROWS: readonly PriceRow[] = [];

/**
 * `ownRows`: prices of the operator's settings. They win over the book for their provider and model; model `*` is any model of
 * that provider. Rows of one model may be dated; the last that holds wins. Throws PriceInvalid.
 */
export function createPriceBook(data: PriceBookData, ownRows: readonly PriceRow[] = []): PriceBook {
  const shelves = new Map(Object.entries(data.providers).map(([name, each]) => [name, createShelf(name, each)]));
  const own = Map.groupBy(ownRows, (row) => row.provider);
  const remembered = new Map<string, Map<string, readonly PriceRow[]>>();
  let rememberedCount = 0;

  function remember(provider: string, model: string): readonly PriceRow[] {
    const rows = lookUp(shelves, own, provider, model);
    if (model.length > MODEL_LENGTH_MAX || provider.length > MODEL_LENGTH_MAX) return rows;
    if (rememberedCount >= REMEMBERED_MAX) {
      remembered.clear();
      rememberedCount = 0;
    }
    let models = remembered.get(provider);
    if (models === undefined) remembered.set(provider, (models = new Map()));
    models.set(model, rows);
    rememberedCount++;
    return rows;
  }

  return {
    version: data.version,
    find: (provider, model, atMs) => valid(remembered.get(provider)?.get(model) ?? remember(provider, model), atMs),
    rows: () => [...ownRows, ...[...shelves.values()].flatMap((shelf) => shelf.entries.flatMap((entry) => entry.rows))],
  };
}

/** One provider's models, ready to be looked up. */
interface Shelf {
  readonly entries: readonly ModelEntry[];
  readonly exact: ReadonlyMap<string, ModelEntry>;
  readonly ruled: readonly ModelEntry[];
  readonly fallback: readonly string[];
  readonly tiers: Readonly<Record<string, Ratio>>;
  readonly geo: Readonly<Record<string, Ratio>>;
}

function createShelf(provider: string, data: ProviderData): Shelf {
  const entries = readModels(provider, data);
  const exact = new Map<string, ModelEntry>();
  // The first model that claims an id keeps it: a model's own name is never taken over by a later one's alias.
  for (const entry of entries) exact.set(entry.model, entry);
  for (const entry of entries) for (const id of entry.ids) if (!exact.has(id)) exact.set(id, entry);
  return {
    entries,
    exact,
    ruled: entries.filter((entry) => entry.like !== null),
    fallback: data.fallback === undefined ? [] : data.fallback.split(" "),
    tiers: readRatios(data.tiers ?? ""),
    geo: readRatios(data.geo ?? ""),
  };
}

function lookUp(
  shelves: ReadonlyMap<string, Shelf>,
  own: ReadonlyMap<string, readonly PriceRow[]>,
  provider: string,
  model: string,
): readonly PriceRow[] {
  const ownRows = own.get(provider);
  if (ownRows !== undefined) {
    const named = ownRows.filter((row) => row.model === model);
    if (named.length > 0) return named;
    const any = ownRows.filter((row) => row.model === "*");
    if (any.length > 0) return any;
  }
  if (model.length > MODEL_LENGTH_MAX) return NO_ROWS;
  const name = Object.hasOwn(PROVIDER_NAMES, provider) ? PROVIDER_NAMES[provider]! : provider;
  const shelf = shelves.get(name);
  if (shelf === undefined) return NO_ROWS;
  const found = onShelf(shelf, model);
  if (found !== null) return found;
  for (const other of shelf.fallback) {
    const stand = shelves.get(other);
    const rows = stand === undefined ? null : onShelf(stand, model);
    if (rows !== null) return rows.map((row) => standIn(row, name, shelf));
  }
  return NO_ROWS;
}

/** Another provider's row under the name of the one asked, with what that one adds (Azure's data zones). */
function standIn(row: PriceRow, provider: string, shelf: Shelf): PriceRow {
  const tiers = { ...shelf.tiers, ...row.tiers };
  return { ...row, provider, match: "assumed", tiers, geo: { ...shelf.geo, ...row.geo } };
}

function onShelf(shelf: Shelf, model: string): readonly PriceRow[] | null {
  // Google's own clients send `models/gemini-…`.
  const id = model.startsWith("models/") ? model.slice("models/".length) : model;
  const exact = shelf.exact.get(id);
  if (exact !== undefined) return exact.rows;
  const lower = id.toLowerCase();
  const like = shelf.exact.get(lower) ?? shelf.ruled.find((entry) => entry.like!.test(lower));
  return like === undefined ? null : like.rows.map((row) => ({ ...row, match: "assumed" }));
}

/** The last row that holds: later dates and the hours of a day come after what they replace. */
function valid(rows: readonly PriceRow[], atMs: number): PriceRow | null {
  for (let index = rows.length - 1; index >= 0; index--) {
    const row = rows[index]!;
    if (atMs < row.validFromMs || atMs >= row.validToMs) continue;
    if (row.daily === null) return row;
    const ofDay = ((atMs % DAY_MS) + DAY_MS) % DAY_MS;
    if (ofDay >= row.daily.fromMs && ofDay < row.daily.toMs) return row;
  }
  return null;
}
