import { encodeBody, encodeFields, entryHash, entryMac, fieldOf, genesisHash, rotationMac } from "@tollhouse/ledger";
import type { Entry, EntryFields } from "@tollhouse/ledger";
import type { EntryDraft } from "./entry-draft.ts";
import { FIRST_MAC_KEY, sha256 } from "./ledger-keys.ts";
import type { LedgerKeys } from "./ledger-keys.ts";
import { project } from "./projection.ts";
import type { Projection } from "./projection.ts";
import { idBytes } from "./tenant-id.ts";

/** The last entry of a tenant's chain; sequence 0 = it has none. */
export interface ChainHead {
  readonly sequence: bigint;
  readonly entryHash: Uint8Array;
  /** Of the entry that comes next. */
  readonly macKeyId: number;
}

export interface ChainRow {
  readonly tenant: string;
  readonly sequence: bigint;
  readonly entry: Entry;
  /** What `entry.fields` encode. */
  readonly fields: EntryFields;
  readonly projection: Projection;
  readonly body: Uint8Array;
  readonly entryHash: Uint8Array;
  readonly mac: Uint8Array;
}

/** Draft with its user's pseudonym, which only the transaction knows. */
export interface PlacedDraft {
  readonly draft: EntryDraft;
  readonly pseudonym: Uint8Array | null;
}

/** Before the first entry. `deploymentId` is part of the genesis hash: a chain cannot be moved to another installation. */
export function emptyChain(deploymentId: string, tenant: string): ChainHead {
  return {
    sequence: 0n,
    entryHash: genesisHash(sha256, deploymentId, idBytes("tenant", tenant)),
    macKeyId: FIRST_MAC_KEY,
  };
}

/** The MAC key of the entry behind this one. */
export function nextMacKeyId(entry: Entry): number {
  if (entry.type !== "key_rotation") return entry.macKeyId;
  const next = fieldOf(entry.fields, "nextMacKeyId");
  if (next === undefined) throw new Error(`the key rotation at ${entry.sequence} names no next key`);
  return next;
}

/** Gives drafts of one tenant their places behind `head`, in order. A chain that starts gets its genesis entry first. */
export function chainRows(
  keys: LedgerKeys,
  deploymentId: string,
  tenant: string,
  head: ChainHead,
  drafts: readonly PlacedDraft[],
): ChainRow[] {
  const tenantId = idBytes("tenant", tenant);
  const rows: ChainRow[] = [];
  let { sequence, entryHash: previous, macKeyId } = head;
  const starting = sequence === 0n && drafts[0] ? [genesisDraft(deploymentId, tenant, drafts[0].draft.timeMs)] : [];
  for (const { draft, pseudonym } of [...starting, ...drafts]) {
    sequence += 1n;
    const isRotation = draft.type === "key_rotation";
    const own = isRotation ? rotated(keys, tenant, { sequence, entryHash: previous, macKeyId }, draft) : draft.fields;
    const fields = pseudonym ? { ...own, user: pseudonym } : own;
    const entry = entryOf(draft, fields, tenantId, sequence, macKeyId);
    const body = encodeBody(entry);
    const hash = entryHash(sha256, previous, body);
    rows.push({
      tenant,
      sequence,
      entry,
      fields,
      projection: project(entry, fields),
      body,
      entryHash: hash,
      mac: entryMac(keys.mac(tenant, macKeyId), tenantId, sequence, hash),
    });
    previous = hash;
    if (isRotation) macKeyId += 1;
  }
  return rows;
}

/** The next key and its consent to this place; the entry itself is MACed by the key before. */
function rotated(
  keys: LedgerKeys,
  tenant: string,
  { sequence, entryHash: previous, macKeyId }: ChainHead,
  { fields }: EntryDraft,
): EntryFields {
  const next = macKeyId + 1;
  const nextMac = rotationMac(keys.mac(tenant, next), idBytes("tenant", tenant), sequence, previous, next);
  return { ...fields, nextMacKeyId: next, nextMac };
}

function entryOf(
  draft: EntryDraft,
  fields: EntryFields,
  tenant: Uint8Array,
  sequence: bigint,
  macKeyId: number,
): Entry {
  return {
    type: draft.type,
    flags: draft.flags,
    tenant,
    sequence,
    timeUs: BigInt(Math.round(draft.timeMs * 1000)),
    entryId: idBytes("entry id", draft.entryId),
    refId: draft.refId === undefined ? new Uint8Array(16) : idBytes("ref id", draft.refId),
    amountNano: draft.amountNano,
    currency: "USD",
    usageSource: draft.usageSource,
    macKeyId,
    fields: encodeFields(fields),
  };
}

function genesisDraft(deploymentId: string, tenant: string, timeMs: number): PlacedDraft {
  return {
    pseudonym: null,
    draft: {
      type: "genesis",
      flags: 0,
      tenant,
      // One a chain: the tenant's own id is unique in it.
      entryId: tenant,
      timeMs,
      amountNano: 0n,
      usageSource: "none",
      user: null,
      fields: { deployment: deploymentId },
    },
  };
}
