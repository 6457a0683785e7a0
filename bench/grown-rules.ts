import { DEFAULT_TENANT, migrate, openDatabase, startEmbedded, type Database } from "@tollhouse/store";

/** What an environment has grown to. */
export interface Grown {
  readonly limits: number;
  readonly policies: number;
  /** Policies that apply to every call of the benchmark, on each of its attachments: user, feature, plan and default. */
  readonly applying: number;
}

/** The plan of the benchmark's customer. */
const OWN_PLAN = "enterprise";
const PLANS = 500;
const ROWS_A_STATEMENT = 5_000;
const CREATED = "2026-11-01T00:00:00Z";

const MODELS = [
  "gpt-4o*",
  "gpt-4.1*",
  "gpt-5*",
  "o3*",
  "claude-{sonnet,haiku}-*",
  "gemini-2.5-*",
  "mistral-*",
  "llama-3*",
];

/** Straight into the database: a million control calls would measure the control API. */
export async function addGrown(dataDir: string, grown: Grown): Promise<void> {
  const embedded = await startEmbedded({ dataDir, log: () => undefined });
  const db = await openDatabase({ embedded });
  await migrate(db);
  await addLimits(db, grown.limits);
  await addGrownPolicies(db, grown);
  // As autovacuum would have done by the time an installation has grown this far.
  await db.query("ANALYZE");
  await db.close();
  await embedded.stop();
}

export async function addGrownPolicies(
  db: Database,
  { policies, applying }: Pick<Grown, "policies" | "applying">,
): Promise<void> {
  if (policies + applying > 0) await addPlans(db, policies);
  await addPolicies(db, otherPolicies(policies), "pol_other");
  await addPolicies(db, applyingPolicies(applying), "pol_own");
}

async function addLimits(db: Database, size: number): Promise<void> {
  const ids = "'lim_' || upper(lpad(to_hex(n), 26, '0'))";
  for (const name of ["limits", "limit_versions"])
    await db.query(
      `INSERT INTO ${name} (tenant, environment, id, scope, measure, amount, window_kind, time_zone, mode, version)
       SELECT $1, 'prod', ${ids}, 'user:other-' || n, 'usd', 1000000000 + n, 'month', 'UTC', 'hard', 1 FROM generate_series(1, $2::int) n`,
      [DEFAULT_TENANT, size],
    );
}

/** As many users on a plan as there are policies; the benchmark's own customer is on one of its own. */
async function addPlans(db: Database, users: number): Promise<void> {
  await db.query(
    `INSERT INTO plans (tenant, environment, name, description, version)
     SELECT $1, 'prod', name, '', 1 FROM unnest($2::text[]) name`,
    [DEFAULT_TENANT, [OWN_PLAN, ...Array.from({ length: PLANS }, (_, n) => `plan-${n}`)]],
  );
  await db.query(
    `INSERT INTO plan_assignments (tenant, environment, holder, value, plan)
     SELECT $1, 'prod', 'user', 'other-' || n, 'plan-' || n % $3 FROM generate_series(1, $2::int) n
     UNION ALL VALUES ($1::uuid, 'prod', 'customer', 'acme', $4)`,
    [DEFAULT_TENANT, users, PLANS, OWN_PLAN],
  );
}

export type Document = Readonly<Record<string, unknown>>;

async function addPolicies(db: Database, documents: Iterable<Document>, prefix: string): Promise<void> {
  const texts = Array.from(documents, (document) => JSON.stringify(document));
  for (let from = 0; from < texts.length; from += ROWS_A_STATEMENT)
    for (const name of ["policies", "policy_versions"])
      await db.query(
        `INSERT INTO ${name} (tenant, environment, id, version, document, created_at)
         SELECT $1, 'prod', $2 || lpad(to_hex($3 + n), 32, '0'), 1, document, $5
         FROM unnest($4::text[]) WITH ORDINALITY AS given (document, n)`,
        [DEFAULT_TENANT, prefix, from, texts.slice(from, from + ROWS_A_STATEMENT), CREATED],
      );
}

/** Of 100: 80 on a user, 15 on a feature, 5 on a plan; 2 have a condition, every other one of its own. */
export function* otherPolicies(size: number): Generator<Document> {
  for (let n = 0; n < size; n++) {
    const at = n % 100;
    const onPlan = { plan: `plan-${(Math.floor(n / 100) * 5 + at) % PLANS}` };
    yield {
      name: `rules ${n}`,
      attach: at < 80 ? { user: `other-${n}` } : at < 95 ? { feature: `other-${n}` } : onPlan,
      priority: n % 3,
      mode: n % 10 === 0 ? "observe" : "enforce",
      ...settingsOf(n),
      ...(at % 50 === 7 && {
        when:
          at < 50 ? `estimated_cost > usd("${(n % 977) + 1}.25") && team != "t${n}"` : 'service in ["chat", "mail"]',
      }),
    };
  }
}

function settingsOf(n: number): Document {
  const models = MODELS.filter((_, i) => ((n >> (i % 7)) + i) % 3 !== 0);
  const limit = (measure: string, amount: string, window: string): Document => ({
    measure,
    amount,
    window,
    mode: "hard",
  });
  return {
    models: { allow: ["gpt-4o-mini*", ...models], ...(n % 4 === 0 && { deny: ["*-preview", "*-realtime*"] }) },
    ...(n % 5 === 0 && { endpoints: { deny: ["images*"] } }),
    ...(n % 7 === 0 && { features: { allow: ["compare-versions", "search", `feature-${n}`] } }),
    caps: { cost: `${1000 + (n % 50)}.50`, output_tokens: 1_000_000 + (n % 1_000), input_tokens: 2_000_000 },
    limits: [
      limit("usd", `${100_000 + n}.00`, "month"),
      ...(n % 2 === 0 ? [limit("requests", `${1_000_000_000 + n}`, "day")] : []),
    ],
    ...(n % 3 === 0 && { on_exceed: { action: "downgrade", model: "gpt-4o-mini" } }),
  };
}

/** None of them refuses a call of the benchmark; one in eight has a condition, which holds. */
export function* applyingPolicies(perAttachment: number): Generator<Document> {
  const attachments = [{ user: "user-0" }, { feature: "compare-versions" }, { plan: OWN_PLAN }, "default"];
  for (const [at, attach] of attachments.entries())
    for (let n = 0; n < perAttachment; n++) {
      const { limits, ...settings } = settingsOf(n * 4 + at);
      const when = { when: `service == "documents" && input_tokens < ${1_000_000 + n}` };
      const counted = (limits as Document[]).map((limit) => (at === 3 ? { ...limit, scope: "team" } : limit));
      yield {
        name: `own ${n}`,
        attach,
        priority: n,
        mode: "enforce",
        ...settings,
        limits: counted,
        ...(n % 8 === 7 && when),
      };
    }
}
