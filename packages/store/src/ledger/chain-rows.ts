import { encodeEntry, entryHash, entryMac, fieldOf, genesisHash, rotationMac } from "@tollhouse/ledger";
import type { Entry, EntryFields, EntryHead } from "@tollhouse/ledger";
import type { EntryDraft } from "./entry-draft.ts";
import { FIRST_MAC_KEY, sha256 } from "./ledger-keys.ts";
import type { LedgerKeys } from "./ledger-keys.ts";
import { projectFields } from "./projection.ts";
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
  readonly entry: EntryHead;
  /** What stands in the body behind it. */
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
export function* chainRows(
  keys: LedgerKeys,
  deploymentId: string,
  tenant: string,
  head: ChainHead,
  drafts: readonly PlacedDraft[],
): Generator<ChainRow, void> {
  const tenantId = idBytes("tenant", tenant);
  let { sequence, entryHash: previous, macKeyId } = head;
  let mac = keys.mac(tenant, macKeyId);
  const starting = sequence === 0n && drafts[0] ? [genesisDraft(deploymentId, tenant, drafts[0].draft.timeMs)] : [];
  for (const { draft, pseudonym } of [...starting, ...drafts]) {
    sequence += 1n;
    const isRotation = draft.type === "key_rotation";
    const own = isRotation ? rotated(keys, tenant, { sequence, entryHash: previous, macKeyId }, draft) : draft.fields;
    const fields = pseudonym ? { ...own, user: pseudonym } : own;
    const entry = headOf(draft, tenantId, sequence, macKeyId);
    const body = encodeEntry(entry, fields);
    const hash = entryHash(sha256, previous, body);
    const projection = projectFields(entry, fields);
    const signed = entryMac(mac, tenantId, sequence, hash);
    yield { tenant, sequence, entry, fields, projection, body, entryHash: hash, mac: signed };
    previous = hash;
    if (!isRotation) continue;
    macKeyId += 1;
    mac = keys.mac(tenant, macKeyId);
  }
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

const NO_REF = new Uint8Array(16);

function headOf(draft: EntryDraft, tenant: Uint8Array, sequence: bigint, macKeyId: number): EntryHead {
  return {
    type: draft.type,
    flags: draft.flags,
    tenant,
    sequence,
    timeUs: BigInt(Math.round(draft.timeMs * 1000)),
    entryId: idBytes("entry id", draft.entryId),
    refId: draft.refId === undefined ? NO_REF : idBytes("ref id", draft.refId),
    amountNano: draft.amountNano,
    currency: "USD",
    usageSource: draft.usageSource,
    macKeyId,
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
