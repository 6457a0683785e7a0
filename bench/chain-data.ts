import { createHash } from "node:crypto";
import { encodeBody, encodeFields, entryHash, entryMac, genesisHash, type EntryField } from "@tollhouse/ledger";
import {
  DEFAULT_TENANT,
  idBytes,
  loadDeploymentId,
  makeCheckpoint,
  sha256,
  type CheckpointSigner,
  type Database,
  type LedgerKeys,
} from "@tollhouse/store";

/** Entries of a statement, and of a checkpoint. */
const STEP = 5_000;
const NO_REF = new Uint8Array(16);
const USER = createHash("sha256").update("user").digest();

/**
 * Appends to a genuine chain of one tenant until it has so many, entries and checkpoints alone: a recorder, which keeps sums as well, would take ten times as long. Indexes
 * that a walk does not look at are dropped.
 */
export async function fillChain(
  db: Database,
  keys: LedgerKeys,
  signer: CheckpointSigner,
  entries: number,
): Promise<void> {
  const head = await headOf(db);
  if (head.size >= entries) return;
  if (head.size === 0) await db.query(WITHOUT_OTHER_INDEXES);
  const tenant = idBytes("tenant", DEFAULT_TENANT);
  const deployment = await loadDeploymentId(db);
  const mac = keys.mac(DEFAULT_TENANT, 1);
  let previous: Uint8Array = head.hash ?? genesisHash(sha256, deployment, tenant);
  for (let first = head.size + 1; first <= entries; first += STEP) {
    const [bodies, hashes, macs]: [Uint8Array[], Uint8Array[], Uint8Array[]] = [[], [], []];
    for (let n = first; n < first + STEP && n <= entries; n++) {
      const body = encodeBody({
        type: n === 1 ? "genesis" : "call_settled",
        flags: 0,
        tenant,
        sequence: BigInt(n),
        timeUs: 1_795_000_000_000_000n + BigInt(n) * 1000n,
        entryId: n === 1 ? tenant : Buffer.from(`01900000000070008000${n.toString(16).padStart(12, "0")}`, "hex"),
        refId: NO_REF,
        amountNano: n === 1 ? 0n : 564n,
        currency: "USD",
        usageSource: n === 1 ? "none" : "reported",
        macKeyId: 1,
        fields: n === 1 ? encodeFields({ deployment }) : fieldsOf(n),
      });
      previous = entryHash(sha256, previous, body);
      bodies.push(body);
      hashes.push(previous);
      macs.push(entryMac(mac, tenant, BigInt(n), previous));
    }
    const lengths = bodies.map((body) => body.length);
    const joined = [bodies, hashes, macs].map((parts) => Buffer.concat(parts));
    await db.query(ENTRIES, [DEFAULT_TENANT, first, lengths, ...joined, USER]);
    await makeCheckpoint({ db, signer, tenant: DEFAULT_TENANT, nowMs: Date.now() });
  }
  await db.query("VACUUM (ANALYZE) ledger_entries");
}

/** How far a folder that was kept is filled. */
async function headOf(db: Database): Promise<{ readonly size: number; readonly hash?: Buffer }> {
  const { rows } = await db.query<{ size: number; hash: Buffer }>(HEAD, [DEFAULT_TENANT]);
  return rows[0] ?? { size: 0 };
}

/** What a call under four limits says, with the limits as they stood. */
function fieldsOf(n: number): EntryField[] {
  const own = encodeFields({ session: `run-${n % 1000}`, providerId: `chatcmpl-${n}` });
  return [...COMMON, ...own].sort(([a], [b]) => a - b);
}

const LIMIT = {
  scope: "org",
  measure: "usd",
  window: "month",
  mode: "hard",
  version: 3,
  endsUs: 1_796_000_000_000_000n,
  amount: 10_000_000_000n,
  settled: 5_640_000n,
  reserved: 5_000n,
} as const;
/** Encoded once: a chain of ten million is filled by whoever waits for it. */
const COMMON = encodeFields({
  environment: "prod",
  provider: "openai",
  model: "gpt-4o-mini",
  endpoint: "chat_completions",
  key: "key_1",
  agent: "sdr-agent",
  feature: "compare-versions",
  user: USER,
  team: "sales",
  usage: { input: 100, input_cache_read: 20, output: 64 },
  priceVersion: "2026-11-01",
  servedModel: "gpt-4o-mini-2024-07-18",
  reserved: 1000n,
  counters: [
    { limitId: "lim_0190a0b0c0d0e0f0", windowId: "2026-11-01T00:00Z", amount: 564n },
    { limitId: "lim_0190a0b0c0d0e0f1", windowId: "2026-11-21T00:00Z", amount: 184n },
    { limitId: "lim_0190a0b0c0d0e0f2", windowId: "2026-11-21T06:00Z", amount: 1n },
  ],
  status: 200,
  latencyMs: 800,
  limits: ["lim_0190a0b0c0d0e0f0", "lim_0190a0b0c0d0e0f1", "lim_0190a0b0c0d0e0f2"].map((limitId) => ({
    limitId,
    ...LIMIT,
  })),
});

const HEAD =
  "SELECT sequence::float8 AS size, entry_hash AS hash FROM ledger_entries WHERE tenant = $1 ORDER BY sequence DESC LIMIT 1";

const WITHOUT_OTHER_INDEXES = `
DO $$ DECLARE name text; BEGIN
  ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_tenant_entry_id_key;
  FOR name IN SELECT indexname FROM pg_indexes
    WHERE tablename = 'ledger_entries' AND indexname NOT IN ('ledger_entries_pkey', 'ledger_entries_by_administration')
  LOOP EXECUTE 'DROP INDEX ' || name; END LOOP;
END $$`;

/** $1 tenant, $2 first sequence, $3 lengths of bodies, $4 bodies, $5 hashes, $6 MACs (each one behind the other), $7 pseudonym */
const ENTRIES = `
INSERT INTO ledger_entries
SELECT $1::uuid, n, CASE WHEN n = 1 THEN $1::uuid ELSE ('01900000000070008000' || lpad(to_hex(n), 12, '0'))::uuid END, NULL,
  CASE WHEN n = 1 THEN 1 ELSE 2 END, 0, 1795000000000000 + n * 1000, CASE WHEN n = 1 THEN 0 ELSE 564 END,
  CASE WHEN n = 1 THEN 0 ELSE 1 END, of.environment, of.provider, of.model, of.endpoint, of.key, 'run-' || n % 1000 || left(of.none, 0),
  of.agent, of.feature, NULL, of.pseudonym, of.team, NULL, NULL, of.status, CASE WHEN n = 1 THEN 0 ELSE 120 END,
  CASE WHEN n = 1 THEN 0 ELSE 64 END, 0, substring($4::bytea FROM e.start FOR e.length), substring($5::bytea FROM e.at FOR 32),
  substring($6::bytea FROM e.at FOR 32)
FROM (
  SELECT $2::bigint + place - 1 AS n, length, (sum(length) OVER (ORDER BY place))::integer - length + 1 AS start,
    (place * 32 - 31)::integer AS at
  FROM unnest($3::integer[]) WITH ORDINALITY AS given (length, place)
) AS e
LEFT JOIN (VALUES ('prod', 'openai', 'gpt-4o-mini', 'chat_completions', 'key_1', 'sdr-agent', 'compare-versions', $7::bytea, 'sales', 200, ''))
  AS of (environment, provider, model, endpoint, key, agent, feature, pseudonym, team, status, none) ON n > 1
ORDER BY n`;
