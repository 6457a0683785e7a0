import type { BlockKind, Scope } from "@tollhouse/contract";
import type { Block } from "@tollhouse/store";
import type { BlockSnapshot } from "./block-snapshot.ts";

export interface BlockPageAsked {
  /** Absent: of any. */
  readonly scope?: Scope | undefined;
  /** Ids below this one; absent: from the newest on. */
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export interface BlockPage<B> {
  readonly blocks: readonly B[];
  readonly next_cursor: string | null;
}

/**
 * Lists of blocks in the order of their ids, which is that of time: put in order when a list is first asked for, so that each page of a
 * million costs what it shows. Lifted ones stay among the ids, and are passed over.
 */
export class BlockPages {
  readonly #ids = new Map<BlockKind, string[]>();

  add({ kind, id }: Block): void {
    const ids = this.#ids.get(kind);
    if (ids === undefined) return;
    // Another process, with a clock behind ours, may have made it.
    ids.splice(placeOf(ids, id), 0, id);
  }

  /** The newest first. */
  page(snapshot: BlockSnapshot, kind: BlockKind, { scope, cursor, limit }: BlockPageAsked): BlockPage<Block> {
    const found =
      scope === undefined
        ? this.#newest(snapshot, kind, cursor, limit + 1)
        : snapshot
            .on(kind, scope)
            .filter(({ id }) => cursor === undefined || id < cursor)
            .toSorted((a, b) => (a.id < b.id ? 1 : -1));
    const blocks = found.slice(0, limit);
    return { blocks, next_cursor: found.length > limit ? (blocks.at(-1)?.id ?? null) : null };
  }

  #newest(snapshot: BlockSnapshot, kind: BlockKind, below: string | undefined, rows: number): Block[] {
    const ids = this.#idsOf(snapshot, kind);
    const page: Block[] = [];
    for (let at = (below === undefined ? ids.length : placeOf(ids, below)) - 1; at >= 0 && page.length < rows; at--) {
      const block = snapshot.byId(ids[at] as string);
      if (block !== null) page.push(block);
    }
    return page;
  }

  #idsOf(snapshot: BlockSnapshot, kind: BlockKind): string[] {
    const known = this.#ids.get(kind);
    if (known !== undefined) return known;
    const ids = Array.from(snapshot.all(kind), ({ id }) => id).sort();
    this.#ids.set(kind, ids);
    return ids;
  }
}

/** Where `id` stands or would stand. */
function placeOf(ids: readonly string[], id: string): number {
  let [from, to] = [0, ids.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((ids[middle] as string) < id) from = middle + 1;
    else to = middle;
  }
  return from;
}
