// Made by scripts/control-operations.ts of the OpenAPI document; do not edit.
import type { ReasonCode } from "./codes.ts";

type Nothing = Readonly<Record<never, never>>;

export interface AnomalyRule {
  readonly id: string;
  readonly kind: "loop" | "burst" | "velocity";
  readonly per: "session" | "agent" | "user";
  readonly threshold: string;
  readonly window_seconds: number;
  readonly action: "alert" | "freeze" | "block";
  readonly freeze_seconds: number | null;
  readonly version: number;
  readonly triggered: AnomalyTriggered;
}

export interface AnomalyRuleCreate {
  readonly kind: "loop" | "burst" | "velocity";
  readonly per: "session" | "agent" | "user";
  readonly threshold: string;
  readonly window_seconds: number;
  readonly action: "alert" | "freeze" | "block";
  readonly freeze_seconds?: number;
}

export interface AnomalyRuleUpdate {
  readonly threshold?: string;
  readonly window_seconds?: number;
  readonly action?: "alert" | "freeze" | "block";
  readonly freeze_seconds?: number | null;
  readonly version?: number;
}

export interface AnomalyTriggered {
  readonly calls: number;
  readonly last: readonly { readonly at: string; readonly decision: string; readonly scope: string }[];
}

export interface AuditPage {
  readonly changes: readonly ({ readonly id: string; readonly sequence: number; readonly time: string; readonly environment: string | null; readonly actor: string | null; readonly action: string | null; readonly subject: string | null; readonly before: unknown; readonly after: unknown; readonly entry_hash: string })[];
  readonly next_cursor: string | null;
}

export interface Block {
  readonly id: string;
  readonly scope: string;
  readonly reason: string;
  readonly operator: string;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly state: "active" | "expired";
}

export interface BlockCreate {
  readonly scope: string;
  readonly reason: string;
  readonly expires_in?: number;
  readonly expires_at?: string;
}

export interface BlockMade {
  readonly id: string;
  readonly scope: string;
  readonly reason: string;
  readonly operator: string;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly state: "active" | "expired";
  readonly ended_calls: number;
}

export interface Call {
  readonly decision: string;
  readonly sequence: number;
  readonly time: string;
  readonly environment: string | null;
  readonly provider: string | null;
  readonly model: string | null;
  readonly endpoint: string | null;
  readonly key: string | null;
  readonly dimensions: { readonly session?: string; readonly agent?: string; readonly feature?: string; readonly service?: string; readonly user?: string; readonly team?: string; readonly customer?: string };
  readonly outcome: "settled" | "released" | "blocked";
  readonly reason_code: string | null;
  readonly status: number | null;
  readonly usage: { readonly input?: number; readonly input_cache_read?: number; readonly input_cache_write_5m?: number; readonly input_cache_write_1h?: number; readonly input_audio?: number; readonly input_audio_cached?: number; readonly input_image?: number; readonly output?: number; readonly output_reasoning?: number; readonly output_audio?: number; readonly output_image?: number; readonly web_search_call?: number; readonly web_fetch_call?: number; readonly file_search_call?: number; readonly code_interpreter_call?: number; readonly grounded_prompt?: number; readonly image?: number; readonly audio_second?: number; readonly character?: number } | null;
  readonly usage_source: "reported" | "counted" | "estimated" | "unknown" | null;
  readonly cost: string | null;
  readonly latency_ms: number | null;
  readonly doubt: string | null;
  readonly entry_hash: string;
}

export interface Checkpoint {
  readonly size: number;
  readonly root: string;
  readonly made_at: string;
  readonly first_of_month: boolean;
  readonly witnesses: readonly string[];
  readonly note: string;
}

export interface ConsistencyProof {
  readonly from: number;
  readonly from_root: string;
  readonly to: number;
  readonly to_root: string;
  readonly proof: readonly string[];
  readonly checkpoint: string;
}

export interface CurrentSession {
  readonly member: { readonly id: string; readonly name: string; readonly email: string; readonly role: "viewer" | "operator" | "admin" | "owner" } | null;
  readonly actor: string;
  readonly tenant: string;
  readonly environments: readonly string[];
  readonly permissions: readonly ("read" | "operate" | "manage" | "payloads" | "members" | "own" | "installation")[];
  readonly csrf_token: string | null;
  readonly expires_at: string | null;
}

export interface Decision {
  readonly decision: string;
  readonly time: string;
  readonly allowed: boolean;
  readonly outcome: "settled" | "released" | "blocked";
  readonly reason_code: string | null;
  readonly title: string | null;
  readonly next: string | null;
  readonly environment: string | null;
  readonly provider: string | null;
  readonly model: string | null;
  readonly endpoint: string | null;
  readonly key: string | null;
  readonly dimensions: { readonly session?: string; readonly agent?: string; readonly feature?: string; readonly service?: string; readonly user?: string; readonly team?: string; readonly customer?: string };
  readonly steps: readonly ({ readonly step: number; readonly name: string; readonly result: "passed" | "blocked" | "not_reached" | "not_recorded"; readonly reason_code: ReasonCode | null })[];
  readonly limits: readonly ({ readonly id: string; readonly scope: string; readonly measure: "usd" | "tokens" | "requests"; readonly window: "minute" | "hour" | "day" | "month" | "rolling_24h" | "lifetime"; readonly deciding: boolean; readonly at_decision: LimitMoment; readonly now: LimitMoment | null })[];
  readonly policy: DecisionPolicy | null;
  readonly anomaly_rule: string | null;
  readonly required: string | null;
  readonly reserved: string | null;
  readonly attempts: readonly DecisionAttempt[];
  readonly price: DecisionPrice | null;
  readonly usage: { readonly input?: number; readonly input_cache_read?: number; readonly input_cache_write_5m?: number; readonly input_cache_write_1h?: number; readonly input_audio?: number; readonly input_audio_cached?: number; readonly input_image?: number; readonly output?: number; readonly output_reasoning?: number; readonly output_audio?: number; readonly output_image?: number; readonly web_search_call?: number; readonly web_fetch_call?: number; readonly file_search_call?: number; readonly code_interpreter_call?: number; readonly grounded_prompt?: number; readonly image?: number; readonly audio_second?: number; readonly character?: number } | null;
  readonly usage_source: string | null;
  readonly cost: string | null;
  readonly doubt: string | null;
  readonly entry: { readonly sequence: number; readonly hash: string };
}

export interface DecisionAttempt {
  readonly by: "gateway" | "client";
  readonly provider: string | null;
  readonly served_model: string | null;
  readonly tier: string | null;
  readonly status: number | null;
  readonly provider_id: string | null;
  readonly latency_ms: number | null;
}

export interface DecisionPolicy {
  readonly plan: string | null;
  readonly values: readonly { readonly setting: string; readonly policy: string; readonly version: number }[];
  readonly checks: readonly { readonly step: number; readonly rule: string; readonly outcome: string }[];
  readonly conditions: readonly { readonly policy: string; readonly version: number; readonly applies: string }[];
  readonly alerts: readonly string[];
  readonly asked_model: string | null;
  readonly output_limit: number | null;
  readonly fail_mode: string | null;
  readonly observed: { readonly outcome: string; readonly reason_code: string | null; readonly values: readonly { readonly setting: string; readonly policy: string; readonly version: number }[]; readonly checks: readonly { readonly step: number; readonly rule: string; readonly outcome: string }[]; readonly downgrade_to: string | null; readonly output_limit: number | null } | null;
}

export interface DecisionPrice {
  readonly version: string;
  readonly row: string | null;
  readonly lines: readonly ({ readonly class: "input" | "input_cache_read" | "input_cache_write_5m" | "input_cache_write_1h" | "input_audio" | "input_audio_cached" | "input_image" | "output" | "output_reasoning" | "output_audio" | "output_image" | "web_search_call" | "web_fetch_call" | "file_search_call" | "code_interpreter_call" | "grounded_prompt" | "image" | "audio_second" | "character" | null; readonly units: number; readonly price: string; readonly factor: string; readonly amount: string })[] | null;
}

export interface Environment {
  readonly name: string;
  readonly created_at: string;
}

export interface EnvironmentCreate {
  readonly name: string;
}

export interface Forecast {
  readonly cost: string;
  readonly per_day: string;
  readonly days: number;
}

export interface Key {
  readonly id: string;
  readonly name: string;
  readonly environment: string;
  readonly permissions: readonly ("call" | "record" | "read" | "manage")[];
  readonly fixed: { readonly session?: string; readonly agent?: string; readonly feature?: string; readonly service?: string; readonly user?: string; readonly team?: string; readonly customer?: string };
  readonly settable: readonly ("session" | "agent" | "feature" | "service" | "user" | "team" | "customer" | "plan")[] | null;
  readonly models: readonly string[] | null;
  readonly requests_per_minute: number | null;
  readonly tokens_per_minute: number | null;
  readonly expires_at: string | null;
  readonly version: number;
  readonly created_at: string;
  readonly revoked_at: string | null;
  readonly last_used_at: string | null;
  readonly previous_valid_until: string | null;
}

export interface KeyCreate {
  readonly name: string;
  readonly environment?: string;
  readonly permissions?: readonly ("call" | "record" | "read" | "manage")[];
  readonly fixed?: { readonly session?: string; readonly agent?: string; readonly feature?: string; readonly service?: string; readonly user?: string; readonly team?: string; readonly customer?: string };
  readonly settable?: readonly ("session" | "agent" | "feature" | "service" | "user" | "team" | "customer" | "plan")[] | null;
  readonly models?: readonly string[] | null;
  readonly requests_per_minute?: number | null;
  readonly tokens_per_minute?: number | null;
  readonly expires_at?: string | null;
}

export interface KeyMade {
  readonly id: string;
  readonly name: string;
  readonly environment: string;
  readonly permissions: readonly ("call" | "record" | "read" | "manage")[];
  readonly fixed: { readonly session?: string; readonly agent?: string; readonly feature?: string; readonly service?: string; readonly user?: string; readonly team?: string; readonly customer?: string };
  readonly settable: readonly ("session" | "agent" | "feature" | "service" | "user" | "team" | "customer" | "plan")[] | null;
  readonly models: readonly string[] | null;
  readonly requests_per_minute: number | null;
  readonly tokens_per_minute: number | null;
  readonly expires_at: string | null;
  readonly version: number;
  readonly created_at: string;
  readonly revoked_at: string | null;
  readonly last_used_at: string | null;
  readonly previous_valid_until: string | null;
  readonly key: string;
}

export interface KeyRotate {
  readonly overlap_seconds?: number;
}

export interface KeyUpdate {
  readonly name?: string;
  readonly permissions?: readonly ("call" | "record" | "read" | "manage")[];
  readonly fixed?: { readonly session?: string; readonly agent?: string; readonly feature?: string; readonly service?: string; readonly user?: string; readonly team?: string; readonly customer?: string };
  readonly settable?: readonly ("session" | "agent" | "feature" | "service" | "user" | "team" | "customer" | "plan")[] | null;
  readonly models?: readonly string[] | null;
  readonly requests_per_minute?: number | null;
  readonly tokens_per_minute?: number | null;
  readonly expires_at?: string | null;
  readonly version?: number;
}

export interface KillSwitchCreate {
  readonly scope: string;
  readonly reason: string;
  readonly expires_in?: number;
  readonly expires_at?: string;
}

export interface KillSwitchEverywhere {
  readonly kill_switches: readonly ({ readonly environment: string; readonly id: string; readonly scope: string; readonly reason: string; readonly operator: string; readonly created_at: string; readonly expires_at: string | null; readonly state: "active" | "expired"; readonly ended_calls: number })[];
  readonly not_changed: readonly { readonly environment: string; readonly reason_code: string; readonly detail: string }[];
}

export interface KillSwitchLifted {
  readonly lifted: readonly { readonly environment: string; readonly id: string }[];
  readonly not_changed: readonly { readonly environment: string; readonly reason_code: string; readonly detail: string }[];
}

export interface KillSwitchPreview {
  readonly scope: string;
  readonly calls_last_hour: number;
  readonly running_calls: number;
  readonly running: readonly RunningCall[];
}

export interface KillSwitchPreviewEverywhere {
  readonly scope: string;
  readonly calls_last_hour: number;
  readonly running_calls: number;
  readonly running: readonly RunningCall[];
  readonly environments: readonly { readonly environment: string; readonly calls_last_hour: number; readonly running_calls: number }[];
}

export interface KillSwitchScope {
  readonly scope: string;
}

export interface LedgerKeyRotated {
  readonly sequence: number;
  readonly entry_hash: string;
  readonly mac_key: number;
  readonly previous_mac_key: number;
}

export interface LedgerRange {
  readonly from?: number;
  readonly to?: number | "latest";
  readonly pin?: string;
}

export interface LedgerVerified {
  readonly result: "PASS" | "FAIL";
  readonly tail: "PROVEN" | "NOT PROVEN";
  readonly proven_to: number | null;
  readonly entries: number;
  readonly checkpoints: number;
  readonly purged: number | null;
  readonly first_bad_sequence: number | null;
  readonly problem: string | null;
}

export interface LedgerWalk {
  readonly id: string;
  readonly state: "waiting" | "running" | "ended" | "done";
  readonly from: number;
  readonly to: number | "latest";
  readonly began_at: string;
  readonly ended_at: string | null;
  readonly walked: number;
  readonly of: number | null;
  readonly answer: LedgerVerified | null;
}

export interface Limit {
  readonly id: string;
  readonly scope: string;
  readonly measure: "usd" | "tokens" | "requests";
  readonly amount: string;
  readonly window: "minute" | "hour" | "day" | "month" | "rolling_24h" | "lifetime";
  readonly time_zone: string;
  readonly mode: "hard" | "soft";
  readonly version: number;
  readonly state: LimitState;
}

export interface LimitCreate {
  readonly scope: string;
  readonly measure: "usd" | "tokens" | "requests";
  readonly amount: string;
  readonly window: "minute" | "hour" | "day" | "month" | "rolling_24h" | "lifetime";
  readonly mode: "hard" | "soft";
  readonly time_zone?: string;
}

export interface LimitMoment {
  readonly version: number;
  readonly mode: "hard" | "soft";
  readonly amount: string;
  readonly settled: string;
  readonly reserved: string;
  readonly remaining: string;
  readonly resets_at: string | null;
}

export interface LimitState {
  readonly settled: string;
  readonly reserved: string;
  readonly remaining: string;
  readonly resets_at: string | null;
}

export interface LimitUpdate {
  readonly amount?: string;
  readonly mode?: "hard" | "soft";
  readonly version?: number;
}

export interface Member {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: "viewer" | "operator" | "admin" | "owner";
  readonly state: "active" | "invited" | "disabled";
  readonly single_sign_on: boolean;
  readonly created_at: string;
  readonly last_sign_in_at: string | null;
  readonly version: number;
}

export interface MemberCreate {
  readonly email: string;
  readonly name: string;
  readonly role: "viewer" | "operator" | "admin" | "owner";
  readonly password?: string;
}

export interface MemberMade {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: "viewer" | "operator" | "admin" | "owner";
  readonly state: "active" | "invited" | "disabled";
  readonly single_sign_on: boolean;
  readonly created_at: string;
  readonly last_sign_in_at: string | null;
  readonly version: number;
  readonly invitation: { readonly token: string; readonly expires_at: string } | null;
}

export interface MemberName {
  readonly id: string;
  readonly name: string;
}

export interface MemberUpdate {
  readonly name?: string;
  readonly role?: "viewer" | "operator" | "admin" | "owner";
  readonly disabled?: boolean;
  readonly version?: number;
}

export interface NightlyVerification {
  readonly result: "PASS" | "FAIL" | "NOT YET";
  readonly looked_at: string | null;
  readonly whole_at: string | null;
  readonly verified_to: number;
  readonly first_bad_sequence: number | null;
  readonly problem: string | null;
}

export interface PasswordChange {
  readonly current: string;
  readonly new: string;
}

export interface Payload {
  readonly request: unknown;
  readonly response: unknown;
  readonly stored_at: string;
  readonly expires_at: string;
}

export interface PayloadLogging {
  readonly environment: string;
  readonly enabled: boolean;
  readonly retention_days: number;
  readonly version: number;
}

export interface PayloadLoggingUpdate {
  readonly enabled: boolean;
  readonly retention_days?: number;
}

export interface Plan {
  readonly name: string;
  readonly description: string;
  readonly version: number;
}

export interface PlanAssign {
  readonly plan: string;
}

export interface PlanAssigned {
  readonly plan: string;
}

export interface PlanPut {
  readonly description?: string;
}

export interface Policy {
  readonly name: string;
  readonly attach: "default" | { readonly user?: string; readonly feature?: string; readonly plan?: string };
  readonly priority: number;
  readonly mode: "enforce" | "observe";
  readonly models?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] };
  readonly providers?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] };
  readonly endpoints?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] };
  readonly features?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] };
  readonly caps?: { readonly cost?: string; readonly input_tokens?: number; readonly output_tokens?: number };
  readonly limits?: readonly ({ readonly measure: "usd" | "tokens" | "requests"; readonly amount: string; readonly window: "minute" | "hour" | "day" | "month" | "rolling_24h" | "lifetime"; readonly mode: "hard" | "soft"; readonly time_zone?: string; readonly scope?: "org" | "session" | "agent" | "feature" | "service" | "user" | "team" | "customer" | "key" | "model" | "provider" })[];
  readonly output_clamp?: "allowed" | "forbidden";
  readonly fail_mode?: "closed" | "open";
  readonly on_exceed?: { readonly action: "block" } | { readonly action: "downgrade"; readonly model: string } | { readonly action: "alert" };
  readonly when?: string;
  readonly id: string;
  readonly version: number;
  readonly created_at: string;
}

export interface PolicyDocument {
  readonly name: string;
  readonly attach: "default" | { readonly user?: string; readonly feature?: string; readonly plan?: string };
  readonly priority: number;
  readonly mode: "enforce" | "observe";
  readonly models?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] };
  readonly providers?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] };
  readonly endpoints?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] };
  readonly features?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] };
  readonly caps?: { readonly cost?: string; readonly input_tokens?: number; readonly output_tokens?: number };
  readonly limits?: readonly ({ readonly measure: "usd" | "tokens" | "requests"; readonly amount: string; readonly window: "minute" | "hour" | "day" | "month" | "rolling_24h" | "lifetime"; readonly mode: "hard" | "soft"; readonly time_zone?: string; readonly scope?: "org" | "session" | "agent" | "feature" | "service" | "user" | "team" | "customer" | "key" | "model" | "provider" })[];
  readonly output_clamp?: "allowed" | "forbidden";
  readonly fail_mode?: "closed" | "open";
  readonly on_exceed?: { readonly action: "block" } | { readonly action: "downgrade"; readonly model: string } | { readonly action: "alert" };
  readonly when?: string;
}

export interface PolicyVersion {
  readonly version: number;
  readonly created_at: string;
  readonly policy: { readonly name: string; readonly attach: "default" | { readonly user?: string; readonly feature?: string; readonly plan?: string }; readonly priority: number; readonly mode: "enforce" | "observe"; readonly models?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] }; readonly providers?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] }; readonly endpoints?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] }; readonly features?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] }; readonly caps?: { readonly cost?: string; readonly input_tokens?: number; readonly output_tokens?: number }; readonly limits?: readonly ({ readonly measure: "usd" | "tokens" | "requests"; readonly amount: string; readonly window: "minute" | "hour" | "day" | "month" | "rolling_24h" | "lifetime"; readonly mode: "hard" | "soft"; readonly time_zone?: string; readonly scope?: "org" | "session" | "agent" | "feature" | "service" | "user" | "team" | "customer" | "key" | "model" | "provider" })[]; readonly output_clamp?: "allowed" | "forbidden"; readonly fail_mode?: "closed" | "open"; readonly on_exceed?: { readonly action: "block" } | { readonly action: "downgrade"; readonly model: string } | { readonly action: "alert" }; readonly when?: string; readonly id: string; readonly version: number; readonly created_at: string } | null;
}

export interface Price {
  readonly id: string;
  readonly provider: string;
  readonly model: string;
  readonly match: string;
  readonly unit: string;
  readonly prices: Readonly<Record<string, string>>;
  readonly bands: readonly { readonly above_input_tokens: number; readonly prices: Readonly<Record<string, string>> }[];
  readonly tiers: Readonly<Record<string, string>>;
  readonly geo: Readonly<Record<string, string>>;
  readonly context_window: number | null;
  readonly output_max: number | null;
  readonly valid_from: string | null;
  readonly valid_to: string | null;
}

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly reason_code: ReasonCode;
  readonly errors?: readonly { readonly field: string; readonly problem: string }[];
}

export interface ProviderKey {
  readonly id: string;
  readonly provider: string;
  readonly environment: string;
  readonly state: "active" | "origin_changed" | "unreadable" | "not_configured";
  readonly origin: string;
  readonly fingerprint: string;
  readonly last_four: string | null;
  readonly version: number;
  readonly created_at: string;
  readonly created_by: string;
}

export interface ProviderKeySet {
  readonly api_key: string;
}

export interface Receipt {
  readonly decision: string;
  readonly sequence: number;
  readonly entry: { readonly body: string; readonly previous_hash: string; readonly entry_hash: string; readonly mac: string };
  readonly proof: readonly string[];
  readonly checkpoint: string;
  readonly tlog_proof: string;
}

export interface Rehearsal {
  readonly environment: string;
  readonly from: string;
  readonly to: string;
  readonly policies: number;
  readonly draft: { readonly id: string; readonly version: number } | null;
  readonly calls: number;
  readonly unchanged: number;
  readonly newly_blocked: { readonly calls: number; readonly by_reason: Readonly<Record<string, number>> };
  readonly newly_allowed: number;
  readonly downgraded: number;
  readonly unjudged: { readonly calls: number; readonly by_reason: Readonly<Record<string, number>> };
  readonly cost: { readonly recorded: string; readonly not_spent: string; readonly calls_without_cost: number };
  readonly changes: readonly RehearsedChange[];
  readonly changes_left_out: number;
  readonly assumptions: readonly string[];
}

export interface RehearsedChange {
  readonly decision: string;
  readonly sequence: number;
  readonly time: string;
  readonly model: string;
  readonly change: "newly_blocked" | "newly_allowed" | "downgraded";
  readonly reason_code: ReasonCode | null;
  readonly policy: { readonly setting: string; readonly policy: string; readonly version: number } | null;
  readonly limit: { readonly scope: string; readonly measure: string; readonly window: string; readonly amount: string } | null;
  readonly to_model: string | null;
  readonly cost: string | null;
  readonly cost_then: string | null;
}

export interface ReservedCheck {
  readonly decision: string;
  readonly provider: string;
  readonly model: string;
  readonly reserved: string;
  readonly checked_at: string;
  readonly expires_at: string;
}

export interface Retention {
  readonly environment: string;
  readonly detail_months: number | null;
  readonly version: number;
  readonly keeps_from: string | null;
  readonly purged_before: string | null;
  readonly removing: boolean;
}

export interface RetentionUpdate {
  readonly detail_months: number | null;
}

export interface RunningCall {
  readonly decision: string;
  readonly provider: string;
  readonly model: string;
  readonly session: string | null;
  readonly agent: string | null;
  readonly started_at: string;
}

export interface SavedView {
  readonly name: string;
  readonly page: "explore" | "calls";
  readonly search: string;
  readonly saved_at: string;
}

export interface SdkBatchAnswer {
  readonly recorded: number;
  readonly failed: number;
  readonly results: readonly { readonly index: number; readonly recorded: boolean }[];
}

export interface SdkCheck {
  readonly provider: string;
  readonly model: string;
  readonly endpoint?: "chat_completions" | "completions" | "embeddings" | "responses" | "moderations" | "images_generations" | "audio_speech" | "audio_transcriptions" | "audio_translations" | "models" | "messages" | "count_tokens" | "generate_content" | "embed_content" | "batch_embed_contents";
  readonly service_tier?: string;
  readonly session?: string;
  readonly agent?: string;
  readonly feature?: string;
  readonly service?: string;
  readonly user?: string;
  readonly team?: string;
  readonly customer?: string;
  readonly input_tokens?: number;
  readonly input?: unknown;
  readonly max_output_tokens?: number;
  readonly estimated_cost?: string;
  readonly reserve?: boolean;
  readonly ttl_seconds?: number;
}

export interface SdkCheckAnswer {
  readonly allowed: boolean;
  readonly decision_id: string;
  readonly reason_code: ReasonCode | null;
  readonly message: string | null;
  readonly estimate: { readonly cost: string | null; readonly input_tokens: number; readonly output_tokens: number };
  readonly limit: { readonly id: string; readonly scope: string; readonly measure: "usd" | "tokens" | "requests"; readonly window: "minute" | "hour" | "day" | "month" | "rolling_24h" | "lifetime"; readonly mode: "hard" | "soft" } | null;
  readonly limit_state: { readonly limit: string; readonly settled: string; readonly reserved: string; readonly remaining: string; readonly resets_at: string | null } | null;
  readonly retry_after: number | null;
  readonly reservation: { readonly id: string; readonly amount: string; readonly tokens: number; readonly expires_at: string } | null;
  readonly ignored: readonly string[];
}

export interface SdkEvaluation {
  readonly decision: "allow" | "block";
  readonly reason: string | null;
  readonly allowed: boolean;
  readonly decision_id: string;
  readonly reason_code: ReasonCode | null;
  readonly message: string | null;
  readonly estimate: { readonly cost: string | null; readonly input_tokens: number; readonly output_tokens: number };
  readonly limit: { readonly id: string; readonly scope: string; readonly measure: "usd" | "tokens" | "requests"; readonly window: "minute" | "hour" | "day" | "month" | "rolling_24h" | "lifetime"; readonly mode: "hard" | "soft" } | null;
  readonly limit_state: { readonly limit: string; readonly settled: string; readonly reserved: string; readonly remaining: string; readonly resets_at: string | null } | null;
  readonly retry_after: number | null;
  readonly reservation: { readonly id: string; readonly amount: string; readonly tokens: number; readonly expires_at: string } | null;
  readonly ignored: readonly string[];
}

export interface SdkLog {
  readonly session?: string;
  readonly agent?: string;
  readonly feature?: string;
  readonly service?: string;
  readonly user?: string;
  readonly team?: string;
  readonly customer?: string;
  readonly decision_id?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly endpoint?: "chat_completions" | "completions" | "embeddings" | "responses" | "moderations" | "images_generations" | "audio_speech" | "audio_transcriptions" | "audio_translations" | "models" | "messages" | "count_tokens" | "generate_content" | "embed_content" | "batch_embed_contents";
  readonly service_tier?: string;
  readonly usage?: Readonly<Record<string, unknown>> | null;
  readonly response?: unknown;
  readonly response_id?: string;
  readonly status?: number;
  readonly latency_ms?: number;
  readonly timestamp?: string;
  readonly idempotency_key?: string;
  readonly request?: unknown;
}

export interface SdkLogBatch {
  readonly records: readonly SdkLog[];
}

export interface SdkRecord {
  readonly session?: string;
  readonly agent?: string;
  readonly feature?: string;
  readonly service?: string;
  readonly user?: string;
  readonly team?: string;
  readonly customer?: string;
  readonly decision_id?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly endpoint?: "chat_completions" | "completions" | "embeddings" | "responses" | "moderations" | "images_generations" | "audio_speech" | "audio_transcriptions" | "audio_translations" | "models" | "messages" | "count_tokens" | "generate_content" | "embed_content" | "batch_embed_contents";
  readonly service_tier?: string;
  readonly usage?: Readonly<Record<string, unknown>> | null;
  readonly response?: unknown;
  readonly response_id?: string;
  readonly status?: number;
  readonly latency_ms?: number;
  readonly timestamp?: string;
  readonly idempotency_key?: string;
}

export interface SdkRecordAnswer {
  readonly recorded: true;
  readonly decision_id: string;
  readonly outcome: "settled" | "released";
  readonly cost: string | null;
  readonly usage: { readonly input?: number; readonly input_cache_read?: number; readonly input_cache_write_5m?: number; readonly input_cache_write_1h?: number; readonly input_audio?: number; readonly input_audio_cached?: number; readonly input_image?: number; readonly output?: number; readonly output_reasoning?: number; readonly output_audio?: number; readonly output_image?: number; readonly web_search_call?: number; readonly web_fetch_call?: number; readonly file_search_call?: number; readonly code_interpreter_call?: number; readonly grounded_prompt?: number; readonly image?: number; readonly audio_second?: number; readonly character?: number } | null;
  readonly usage_source: "reported" | "counted" | "estimated" | "unknown";
  readonly doubt: string | null;
  readonly confirmed: boolean | null;
  readonly payload: "stored" | "not_stored";
  readonly ignored: readonly string[];
}

export interface SdkRecordBatch {
  readonly records: readonly SdkRecord[];
}

export interface Session {
  readonly session: string;
  readonly state: "active" | "frozen";
  readonly frozen: { readonly id: string; readonly reason: string; readonly operator: string; readonly created_at: string; readonly expires_at: string | null } | null;
  readonly budgets: readonly ({ readonly limit_id: string; readonly amount: string; readonly window: string; readonly mode: string; readonly default: boolean; readonly settled: string; readonly reserved: string; readonly remaining: string; readonly resets_at: string | null })[];
}

export interface SessionFreeze {
  readonly reason?: string;
  readonly expires_in?: number;
  readonly expires_at?: string;
}

export interface SessionFrozen {
  readonly session: string;
  readonly state: "active" | "frozen";
  readonly frozen: { readonly id: string; readonly reason: string; readonly operator: string; readonly created_at: string; readonly expires_at: string | null } | null;
  readonly budgets: readonly ({ readonly limit_id: string; readonly amount: string; readonly window: string; readonly mode: string; readonly default: boolean; readonly settled: string; readonly reserved: string; readonly remaining: string; readonly resets_at: string | null })[];
  readonly ended_calls: number;
}

export interface SignIn {
  readonly needs_owner: boolean;
  readonly password: true;
  readonly oidc: { readonly name: string } | null;
  readonly saml: { readonly name: string } | null;
}

export interface SignInInvitation {
  readonly token: string;
  readonly password: string;
}

export interface SignInOwner {
  readonly admin_key: string;
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

export interface SignInPassword {
  readonly email: string;
  readonly password: string;
  readonly tenant?: string;
}

export interface Stats {
  readonly hours: number;
  readonly sessions: number;
  readonly frozen_sessions: number;
  readonly kill_switches: number;
  readonly blocks: number;
  readonly running_calls: number;
  readonly calls: number;
  readonly blocked: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cost: string;
}

export interface Summary {
  readonly environment: string;
  readonly today: UsageSums;
  readonly today_since: string;
  readonly month: UsageSums;
  readonly month_since: string;
  readonly forecast: Forecast | null;
  readonly all_time: UsageSums;
  readonly top_models: readonly ({ readonly model: string | null; readonly calls: number; readonly blocked: number; readonly released: number; readonly cost_unknown: number; readonly input_tokens: number; readonly output_tokens: number; readonly cost: string })[];
  readonly top_features: readonly ({ readonly feature: string | null; readonly calls: number; readonly blocked: number; readonly released: number; readonly cost_unknown: number; readonly input_tokens: number; readonly output_tokens: number; readonly cost: string })[];
  readonly limits: readonly Limit[];
  readonly nearest: readonly Limit[];
}

export interface System {
  readonly node: { readonly id: string; readonly name: string; readonly version: string; readonly address: string; readonly roles: readonly ("gateway" | "control" | "jobs")[]; readonly started_at: string; readonly counters: "memory" | "redis"; readonly ready: boolean; readonly waiting_for: readonly string[] };
  readonly nodes: readonly SystemNode[] | null;
  readonly postgresql: { readonly embedded: boolean; readonly reachable: boolean; readonly latency_ms: number | null };
  readonly redis: SystemRedis | null;
  readonly spool: { readonly bytes: number; readonly bytes_max: number; readonly refusing: string | null };
  readonly recorder: { readonly bytes: number; readonly records: number };
  readonly ledger: { readonly chains_not_signed: number; readonly problem: string | null };
  readonly reservations: { readonly pending: number; readonly oldest_at: string | null };
  readonly allowance: { readonly of: string; readonly used: string } | null;
  readonly worst_overspend: string | null;
}

export interface SystemNode {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly address: string;
  readonly roles: readonly ("gateway" | "control" | "jobs")[];
  readonly started_at: string;
  readonly state: "up" | "draining" | "stopped";
  readonly live: boolean;
  readonly last_beat_at: string;
  readonly configuration: { readonly version: number; readonly behind: boolean } | null;
  readonly calls_in_flight: number;
  readonly reservations: number;
  readonly spool_bytes: number;
  readonly untold: number;
}

export interface SystemRedis {
  readonly reachable: boolean;
  readonly latency_ms: number | null;
  readonly servers: readonly string[];
  readonly problem: string | null;
  readonly fence: { readonly epoch: string; readonly state: "open" | "closed"; readonly since: string; readonly why: string } | null;
}

export interface Tenant {
  readonly id: string;
  readonly name: string;
  readonly environments: readonly string[];
  readonly created_at: string;
}

export interface TenantCreate {
  readonly name: string;
}

export interface UsageReport {
  readonly rows: readonly ({ readonly session?: string | null; readonly agent?: string | null; readonly feature?: string | null; readonly service?: string | null; readonly user?: string | null; readonly team?: string | null; readonly customer?: string | null; readonly model?: string | null; readonly provider?: string | null; readonly key?: string | null; readonly environment?: string | null; readonly hour?: string | null; readonly day?: string | null; readonly month?: string | null; readonly calls: number; readonly blocked: number; readonly released: number; readonly cost_unknown: number; readonly input_tokens: number; readonly output_tokens: number; readonly cost: string })[];
  readonly total: { readonly calls: number; readonly blocked: number; readonly released: number; readonly cost_unknown: number; readonly input_tokens: number; readonly output_tokens: number; readonly cost: string };
  readonly next_cursor: string | null;
}

export interface UsageSums {
  readonly calls: number;
  readonly blocked: number;
  readonly released: number;
  readonly cost_unknown: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cost: string;
}

export interface UserErased {
  readonly erased: boolean;
  readonly sequence: number | null;
  readonly entry_hash: string | null;
  readonly removed: readonly { readonly kind: string; readonly environment: string; readonly id: string }[];
  readonly remains: readonly string[];
}

export interface UserSummary {
  readonly user: string;
  readonly plan: string | null;
  readonly environment: string;
  readonly today: UsageSums;
  readonly today_since: string;
  readonly month: UsageSums;
  readonly month_since: string;
  readonly forecast: Forecast | null;
  readonly all_time: UsageSums;
  readonly top_models: readonly ({ readonly model: string | null; readonly calls: number; readonly blocked: number; readonly released: number; readonly cost_unknown: number; readonly input_tokens: number; readonly output_tokens: number; readonly cost: string })[];
  readonly top_features: readonly ({ readonly feature: string | null; readonly calls: number; readonly blocked: number; readonly released: number; readonly cost_unknown: number; readonly input_tokens: number; readonly output_tokens: number; readonly cost: string })[];
  readonly limits: readonly Limit[];
}

export interface ViewPut {
  readonly page: "explore" | "calls";
  readonly search: string;
}

/** What each operation takes and answers. */
export interface Operations {
  assignCustomerPlan: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: PlanAssign;
    readonly answer: PlanAssigned;
  };
  assignUserPlan: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: PlanAssign;
    readonly answer: PlanAssigned;
  };
  beginOidc: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: undefined;
    readonly answer: undefined;
  };
  beginSaml: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: undefined;
    readonly answer: undefined;
  };
  beginVerification: {
    readonly params: Nothing;
    readonly query: { readonly tenant?: string };
    readonly body: LedgerRange;
    readonly answer: LedgerWalk;
  };
  changePassword: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: PasswordChange;
    readonly answer: CurrentSession;
  };
  completeOidc: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: undefined;
    readonly answer: undefined;
  };
  completeSaml: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: undefined;
    readonly answer: undefined;
  };
  createAnomalyRule: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: AnomalyRuleCreate;
    readonly answer: AnomalyRule;
  };
  createBlock: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: BlockCreate;
    readonly answer: BlockMade;
  };
  createEnvironment: {
    readonly params: Nothing;
    readonly query: { readonly tenant?: string };
    readonly body: EnvironmentCreate;
    readonly answer: Environment;
  };
  createKey: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: KeyCreate;
    readonly answer: KeyMade;
  };
  createKillSwitch: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: KillSwitchCreate;
    readonly answer: BlockMade;
  };
  createKillSwitchEverywhere: {
    readonly params: Nothing;
    readonly query: { readonly tenant?: string };
    readonly body: KillSwitchCreate;
    readonly answer: KillSwitchEverywhere;
  };
  createLimit: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: LimitCreate;
    readonly answer: Limit;
  };
  createMember: {
    readonly params: Nothing;
    readonly query: { readonly tenant?: string };
    readonly body: MemberCreate;
    readonly answer: MemberMade;
  };
  createPolicy: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: PolicyDocument;
    readonly answer: Policy;
  };
  createTenant: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: TenantCreate;
    readonly answer: Tenant;
  };
  deleteAnomalyRule: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: undefined;
  };
  deleteBlock: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: undefined;
  };
  deleteKillSwitch: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: undefined;
  };
  deleteKillSwitchEverywhere: {
    readonly params: Nothing;
    readonly query: { readonly scope: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: KillSwitchLifted;
  };
  deleteLimit: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: undefined;
  };
  deleteMember: {
    readonly params: { readonly id: string };
    readonly query: { readonly tenant?: string };
    readonly body: undefined;
    readonly answer: undefined;
  };
  deletePlan: {
    readonly params: { readonly name: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: undefined;
  };
  deletePolicy: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: undefined;
  };
  deleteProviderKey: {
    readonly params: { readonly provider: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: undefined;
  };
  deleteView: {
    readonly params: { readonly name: string };
    readonly query: { readonly tenant?: string };
    readonly body: undefined;
    readonly answer: undefined;
  };
  endSession: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: undefined;
    readonly answer: undefined;
  };
  eraseUser: {
    readonly params: { readonly id: string };
    readonly query: { readonly configuration?: "refuse" | "remove"; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: UserErased;
  };
  evaluate: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: SdkCheck;
    readonly answer: SdkEvaluation;
  };
  exportLedger: {
    readonly params: Nothing;
    readonly query: { readonly from?: number; readonly to?: number; readonly format?: "ndjson" | "csv" | "parquet"; readonly since?: string; readonly until?: string; readonly type?: string | readonly string[]; readonly session?: string | readonly string[]; readonly agent?: string | readonly string[]; readonly feature?: string | readonly string[]; readonly service?: string | readonly string[]; readonly user?: string | readonly string[]; readonly team?: string | readonly string[]; readonly customer?: string | readonly string[]; readonly model?: string | readonly string[]; readonly provider?: string | readonly string[]; readonly key?: string | readonly string[]; readonly environment?: string | readonly string[]; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: string;
  };
  freezeSession: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: SessionFreeze;
    readonly answer: SessionFrozen;
  };
  getAnomalyRule: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: AnomalyRule;
  };
  getBlock: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: Block;
  };
  getCall: {
    readonly params: { readonly id: string };
    readonly query: { readonly tenant?: string };
    readonly body: undefined;
    readonly answer: Call;
  };
  getCheckpoint: {
    readonly params: Nothing;
    readonly query: { readonly tenant?: string };
    readonly body: undefined;
    readonly answer: string;
  };
  getConsistency: {
    readonly params: Nothing;
    readonly query: { readonly from: number; readonly to?: number; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: ConsistencyProof;
  };
  getCurrentSession: {
    readonly params: Nothing;
    readonly query: { readonly tenant?: string };
    readonly body: undefined;
    readonly answer: CurrentSession;
  };
  getCustomerPlan: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: PlanAssigned;
  };
  getDecision: {
    readonly params: { readonly id: string };
    readonly query: { readonly tenant?: string };
    readonly body: undefined;
    readonly answer: Decision;
  };
  getEvents: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly since?: string; readonly follow?: "true" | "false"; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: string;
  };
  getHealth: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: undefined;
    readonly answer: { readonly status: "ok"; readonly version: string };
  };
  getKey: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: Key;
  };
  getKillSwitch: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: Block;
  };
  getLedgerPublicKey: {
    readonly params: Nothing;
    readonly query: { readonly tenant?: string };
    readonly body: undefined;
    readonly answer: { readonly origin: string; readonly key: string; readonly earlier: readonly string[]; readonly signed: readonly { readonly key: string; readonly from_size: number; readonly from: string }[] };
  };
  getLedgerVerification: {
    readonly params: Nothing;
    readonly query: { readonly tenant?: string };
    readonly body: undefined;
    readonly answer: NightlyVerification;
  };
  getLimit: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: Limit;
  };
  getMember: {
    readonly params: { readonly id: string };
    readonly query: { readonly tenant?: string };
    readonly body: undefined;
    readonly answer: Member;
  };
  getMetrics: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: undefined;
    readonly answer: string;
  };
  getOpenApi: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: undefined;
    readonly answer: Readonly<Record<string, unknown>>;
  };
  getPayload: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: Payload;
  };
  getPayloadLogging: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: PayloadLogging;
  };
  getPlan: {
    readonly params: { readonly name: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: Plan;
  };
  getPolicy: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: Policy;
  };
  getProviderKey: {
    readonly params: { readonly provider: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: ProviderKey;
  };
  getReady: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: undefined;
    readonly answer: { readonly ready: boolean; readonly waiting_for: readonly string[] };
  };
  getReceipt: {
    readonly params: { readonly id: string };
    readonly query: { readonly tenant?: string };
    readonly body: undefined;
    readonly answer: Receipt;
  };
  getRetention: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: Retention;
  };
  getSamlMetadata: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: undefined;
    readonly answer: string;
  };
  getSession: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: Session;
  };
  getSignIn: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: undefined;
    readonly answer: SignIn;
  };
  getStats: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly hours?: number; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: Stats;
  };
  getSummary: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: Summary;
  };
  getSystem: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: undefined;
    readonly answer: System;
  };
  getTenant: {
    readonly params: { readonly name: string };
    readonly query: Nothing;
    readonly body: undefined;
    readonly answer: Tenant;
  };
  getUsage: {
    readonly params: Nothing;
    readonly query: { readonly from?: string; readonly to?: string; readonly group_by?: string; readonly time_zone?: string; readonly order?: "cost" | "calls" | "tokens" | "group"; readonly limit?: number; readonly cursor?: string; readonly format?: "json" | "csv" | "ndjson" | "parquet"; readonly session?: string | readonly string[]; readonly agent?: string | readonly string[]; readonly feature?: string | readonly string[]; readonly service?: string | readonly string[]; readonly user?: string | readonly string[]; readonly team?: string | readonly string[]; readonly customer?: string | readonly string[]; readonly model?: string | readonly string[]; readonly provider?: string | readonly string[]; readonly key?: string | readonly string[]; readonly environment?: string | readonly string[]; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: UsageReport;
  };
  getUserPlan: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: PlanAssigned;
  };
  getUserSummary: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: UserSummary;
  };
  getVerification: {
    readonly params: { readonly id: string };
    readonly query: { readonly tenant?: string };
    readonly body: undefined;
    readonly answer: LedgerWalk;
  };
  inviteMember: {
    readonly params: { readonly id: string };
    readonly query: { readonly tenant?: string };
    readonly body: undefined;
    readonly answer: MemberMade;
  };
  listAnomalyRules: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: { readonly anomaly_rules: readonly AnomalyRule[] };
  };
  listAudit: {
    readonly params: Nothing;
    readonly query: { readonly limit?: number; readonly cursor?: string; readonly environment?: string; readonly action?: string; readonly subject?: string; readonly from?: string; readonly to?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: AuditPage;
  };
  listBlocks: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly scope?: string; readonly limit?: number; readonly cursor?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: { readonly blocks: readonly Block[]; readonly next_cursor: string | null };
  };
  listCalls: {
    readonly params: Nothing;
    readonly query: { readonly from?: string; readonly to?: string; readonly limit?: number; readonly cursor?: string; readonly outcome?: "settled" | "released" | "blocked"; readonly reason_code?: string | readonly string[]; readonly min_cost?: string; readonly format?: "json" | "csv" | "ndjson" | "parquet"; readonly session?: string | readonly string[]; readonly agent?: string | readonly string[]; readonly feature?: string | readonly string[]; readonly service?: string | readonly string[]; readonly user?: string | readonly string[]; readonly team?: string | readonly string[]; readonly customer?: string | readonly string[]; readonly model?: string | readonly string[]; readonly provider?: string | readonly string[]; readonly key?: string | readonly string[]; readonly environment?: string | readonly string[]; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: { readonly calls: readonly Call[]; readonly next_cursor: string | null; readonly purged_before?: string };
  };
  listCheckpoints: {
    readonly params: Nothing;
    readonly query: { readonly limit?: number; readonly cursor?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: { readonly checkpoints: readonly Checkpoint[]; readonly next_cursor: string | null };
  };
  listChecks: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly state?: "unconfirmed" | "open"; readonly limit?: number; readonly cursor?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: { readonly checks: readonly ReservedCheck[]; readonly next_cursor: string | null };
  };
  listEnvironments: {
    readonly params: Nothing;
    readonly query: { readonly tenant?: string };
    readonly body: undefined;
    readonly answer: { readonly environments: readonly Environment[] };
  };
  listKeys: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly limit?: number; readonly cursor?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: { readonly keys: readonly Key[]; readonly next_cursor: string | null };
  };
  listKillSwitches: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: { readonly kill_switches: readonly Block[] };
  };
  listLimits: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly scope?: string | readonly string[]; readonly measure?: "usd" | "tokens" | "requests"; readonly scope_kind?: "org" | "session" | "agent" | "feature" | "service" | "user" | "team" | "customer" | "key" | "model" | "provider"; readonly limit?: number; readonly cursor?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: { readonly limits: readonly Limit[]; readonly next_cursor: string | null };
  };
  listMemberNames: {
    readonly params: Nothing;
    readonly query: { readonly limit?: number; readonly cursor?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: { readonly names: readonly MemberName[]; readonly next_cursor: string | null };
  };
  listMembers: {
    readonly params: Nothing;
    readonly query: { readonly limit?: number; readonly cursor?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: { readonly members: readonly Member[]; readonly next_cursor: string | null };
  };
  listPlans: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly limit?: number; readonly cursor?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: { readonly plans: readonly Plan[]; readonly next_cursor: string | null };
  };
  listPolicies: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly limit?: number; readonly cursor?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: { readonly policies: readonly Policy[]; readonly next_cursor: string | null };
  };
  listPolicyVersions: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly limit?: number; readonly cursor?: number; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: { readonly versions: readonly PolicyVersion[]; readonly next_cursor: string | null };
  };
  listPrices: {
    readonly params: Nothing;
    readonly query: { readonly provider?: string; readonly model?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: { readonly version: string; readonly prices: readonly Price[] };
  };
  listProviderKeys: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: { readonly provider_keys: readonly ProviderKey[] };
  };
  listSessions: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly hours?: number; readonly limit?: number; readonly cursor?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: { readonly sessions: readonly ({ readonly session: string; readonly state: "active" | "frozen"; readonly frozen: { readonly id: string; readonly reason: string; readonly operator: string; readonly created_at: string; readonly expires_at: string | null } | null; readonly budgets: readonly ({ readonly limit_id: string; readonly amount: string; readonly window: string; readonly mode: string; readonly default: boolean; readonly settled: string; readonly reserved: string; readonly remaining: string; readonly resets_at: string | null })[]; readonly calls: number; readonly blocked: number; readonly input_tokens: number; readonly output_tokens: number; readonly cost: string; readonly last_hour: string })[]; readonly total: number | null; readonly next_cursor: string | null };
  };
  listTenants: {
    readonly params: Nothing;
    readonly query: { readonly limit?: number; readonly cursor?: string };
    readonly body: undefined;
    readonly answer: { readonly tenants: readonly Tenant[]; readonly next_cursor: string | null };
  };
  listViews: {
    readonly params: Nothing;
    readonly query: { readonly tenant?: string };
    readonly body: undefined;
    readonly answer: { readonly views: readonly SavedView[] };
  };
  previewKillSwitch: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: KillSwitchScope;
    readonly answer: KillSwitchPreview;
  };
  previewKillSwitchEverywhere: {
    readonly params: Nothing;
    readonly query: { readonly tenant?: string };
    readonly body: KillSwitchScope;
    readonly answer: KillSwitchPreviewEverywhere;
  };
  putPlan: {
    readonly params: { readonly name: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: PlanPut;
    readonly answer: Plan;
  };
  putView: {
    readonly params: { readonly name: string };
    readonly query: { readonly tenant?: string };
    readonly body: ViewPut;
    readonly answer: SavedView;
  };
  recordUsage: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: SdkRecord | SdkRecordBatch;
    readonly answer: SdkRecordAnswer | SdkBatchAnswer;
  };
  rehearsePolicy: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: { readonly policy: { readonly name: string; readonly attach: "default" | { readonly user?: string; readonly feature?: string; readonly plan?: string }; readonly priority: number; readonly mode: "enforce" | "observe"; readonly models?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] }; readonly providers?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] }; readonly endpoints?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] }; readonly features?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] }; readonly caps?: { readonly cost?: string; readonly input_tokens?: number; readonly output_tokens?: number }; readonly limits?: readonly ({ readonly measure: "usd" | "tokens" | "requests"; readonly amount: string; readonly window: "minute" | "hour" | "day" | "month" | "rolling_24h" | "lifetime"; readonly mode: "hard" | "soft"; readonly time_zone?: string; readonly scope?: "org" | "session" | "agent" | "feature" | "service" | "user" | "team" | "customer" | "key" | "model" | "provider" })[]; readonly output_clamp?: "allowed" | "forbidden"; readonly fail_mode?: "closed" | "open"; readonly on_exceed?: { readonly action: "block" } | { readonly action: "downgrade"; readonly model: string } | { readonly action: "alert" }; readonly when?: string } | null; readonly replaces?: string; readonly from?: string; readonly to?: string; readonly limit?: number };
    readonly answer: Rehearsal;
  };
  resetSession: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: Session;
  };
  resetSessionOfDashboard: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: Session;
  };
  revokeKey: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: undefined;
  };
  rotateKey: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: KeyRotate;
    readonly answer: KeyMade;
  };
  rotateLedgerKey: {
    readonly params: Nothing;
    readonly query: { readonly tenant?: string };
    readonly body: undefined;
    readonly answer: LedgerKeyRotated;
  };
  sdkCheck: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: SdkCheck;
    readonly answer: SdkCheckAnswer;
  };
  sdkLog: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: SdkLog | SdkLogBatch;
    readonly answer: SdkRecordAnswer | SdkBatchAnswer;
  };
  sdkRecord: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: SdkRecord | SdkRecordBatch;
    readonly answer: SdkRecordAnswer | SdkBatchAnswer;
  };
  setProviderKey: {
    readonly params: { readonly provider: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: ProviderKeySet;
    readonly answer: ProviderKey;
  };
  signInInvitation: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: SignInInvitation;
    readonly answer: CurrentSession;
  };
  signInOwner: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: SignInOwner;
    readonly answer: CurrentSession;
  };
  signInPassword: {
    readonly params: Nothing;
    readonly query: Nothing;
    readonly body: SignInPassword;
    readonly answer: CurrentSession;
  };
  unassignCustomerPlan: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: undefined;
  };
  unassignUserPlan: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: undefined;
  };
  unfreezeSession: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: Session;
  };
  unfreezeSessionOfDashboard: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: undefined;
    readonly answer: Session;
  };
  updateAnomalyRule: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: AnomalyRuleUpdate;
    readonly answer: AnomalyRule;
  };
  updateKey: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: KeyUpdate;
    readonly answer: Key;
  };
  updateLimit: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: LimitUpdate;
    readonly answer: Limit;
  };
  updateMember: {
    readonly params: { readonly id: string };
    readonly query: { readonly tenant?: string };
    readonly body: MemberUpdate;
    readonly answer: Member;
  };
  updatePayloadLogging: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: PayloadLoggingUpdate;
    readonly answer: PayloadLogging;
  };
  updatePolicy: {
    readonly params: { readonly id: string };
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: PolicyDocument;
    readonly answer: Policy;
  };
  updateRetention: {
    readonly params: Nothing;
    readonly query: { readonly environment?: string; readonly tenant?: string };
    readonly body: RetentionUpdate;
    readonly answer: Retention;
  };
  verifyLedger: {
    readonly params: Nothing;
    readonly query: { readonly tenant?: string };
    readonly body: LedgerRange;
    readonly answer: LedgerVerified;
  };
}

/** Where each is, and which parameters its query may have. */
export const OPERATIONS = {
  assignCustomerPlan: { method: "PUT", path: "/api/v1/customers/{id}/plan", query: ["environment","tenant"] },
  assignUserPlan: { method: "PUT", path: "/api/v1/users/{id}/plan", query: ["environment","tenant"] },
  beginOidc: { method: "GET", path: "/api/sign-in/oidc", query: [] },
  beginSaml: { method: "GET", path: "/api/sign-in/saml", query: [] },
  beginVerification: { method: "POST", path: "/api/v1/ledger/verifications", query: ["tenant"] },
  changePassword: { method: "POST", path: "/api/v1/session/password", query: [] },
  completeOidc: { method: "GET", path: "/api/sign-in/oidc/callback", query: [] },
  completeSaml: { method: "POST", path: "/api/sign-in/saml/callback", query: [] },
  createAnomalyRule: { method: "POST", path: "/api/v1/anomaly-rules", query: ["environment","tenant"] },
  createBlock: { method: "POST", path: "/api/v1/blocks", query: ["environment","tenant"] },
  createEnvironment: { method: "POST", path: "/api/v1/environments", query: ["tenant"] },
  createKey: { method: "POST", path: "/api/v1/keys", query: ["environment","tenant"] },
  createKillSwitch: { method: "POST", path: "/api/v1/kill-switches", query: ["environment","tenant"] },
  createKillSwitchEverywhere: { method: "POST", path: "/api/v1/kill-switches/everywhere", query: ["tenant"] },
  createLimit: { method: "POST", path: "/api/v1/limits", query: ["environment","tenant"] },
  createMember: { method: "POST", path: "/api/v1/members", query: ["tenant"] },
  createPolicy: { method: "POST", path: "/api/v1/policies", query: ["environment","tenant"] },
  createTenant: { method: "POST", path: "/api/v1/tenants", query: [] },
  deleteAnomalyRule: { method: "DELETE", path: "/api/v1/anomaly-rules/{id}", query: ["environment","tenant"] },
  deleteBlock: { method: "DELETE", path: "/api/v1/blocks/{id}", query: ["environment","tenant"] },
  deleteKillSwitch: { method: "DELETE", path: "/api/v1/kill-switches/{id}", query: ["environment","tenant"] },
  deleteKillSwitchEverywhere: { method: "DELETE", path: "/api/v1/kill-switches/everywhere", query: ["scope","tenant"] },
  deleteLimit: { method: "DELETE", path: "/api/v1/limits/{id}", query: ["environment","tenant"] },
  deleteMember: { method: "DELETE", path: "/api/v1/members/{id}", query: ["tenant"] },
  deletePlan: { method: "DELETE", path: "/api/v1/plans/{name}", query: ["environment","tenant"] },
  deletePolicy: { method: "DELETE", path: "/api/v1/policies/{id}", query: ["environment","tenant"] },
  deleteProviderKey: { method: "DELETE", path: "/api/v1/provider-keys/{provider}", query: ["environment","tenant"] },
  deleteView: { method: "DELETE", path: "/api/v1/views/{name}", query: ["tenant"] },
  endSession: { method: "POST", path: "/api/v1/session/end", query: [] },
  eraseUser: { method: "DELETE", path: "/api/v1/users/{id}", query: ["configuration","tenant"] },
  evaluate: { method: "POST", path: "/evaluate", query: [] },
  exportLedger: { method: "GET", path: "/api/v1/ledger/export", query: ["from","to","format","since","until","type","session","agent","feature","service","user","team","customer","model","provider","key","environment","tenant"] },
  freezeSession: { method: "POST", path: "/api/v1/sessions/{id}/freeze", query: ["environment","tenant"] },
  getAnomalyRule: { method: "GET", path: "/api/v1/anomaly-rules/{id}", query: ["environment","tenant"] },
  getBlock: { method: "GET", path: "/api/v1/blocks/{id}", query: ["environment","tenant"] },
  getCall: { method: "GET", path: "/api/v1/calls/{id}", query: ["tenant"] },
  getCheckpoint: { method: "GET", path: "/api/v1/ledger/checkpoint", query: ["tenant"] },
  getConsistency: { method: "GET", path: "/api/v1/ledger/consistency", query: ["from","to","tenant"] },
  getCurrentSession: { method: "GET", path: "/api/v1/session", query: ["tenant"] },
  getCustomerPlan: { method: "GET", path: "/api/v1/customers/{id}/plan", query: ["environment","tenant"] },
  getDecision: { method: "GET", path: "/api/v1/decisions/{id}", query: ["tenant"] },
  getEvents: { method: "GET", path: "/api/v1/events", query: ["environment","since","follow","tenant"] },
  getHealth: { method: "GET", path: "/health", query: [] },
  getKey: { method: "GET", path: "/api/v1/keys/{id}", query: ["environment","tenant"] },
  getKillSwitch: { method: "GET", path: "/api/v1/kill-switches/{id}", query: ["environment","tenant"] },
  getLedgerPublicKey: { method: "GET", path: "/api/v1/ledger/public-key", query: ["tenant"] },
  getLedgerVerification: { method: "GET", path: "/api/v1/ledger/verification", query: ["tenant"] },
  getLimit: { method: "GET", path: "/api/v1/limits/{id}", query: ["environment","tenant"] },
  getMember: { method: "GET", path: "/api/v1/members/{id}", query: ["tenant"] },
  getMetrics: { method: "GET", path: "/metrics", query: [] },
  getOpenApi: { method: "GET", path: "/api/openapi.json", query: [] },
  getPayload: { method: "GET", path: "/api/v1/payloads/{id}", query: ["environment","tenant"] },
  getPayloadLogging: { method: "GET", path: "/api/v1/payload-logging", query: ["environment","tenant"] },
  getPlan: { method: "GET", path: "/api/v1/plans/{name}", query: ["environment","tenant"] },
  getPolicy: { method: "GET", path: "/api/v1/policies/{id}", query: ["environment","tenant"] },
  getProviderKey: { method: "GET", path: "/api/v1/provider-keys/{provider}", query: ["environment","tenant"] },
  getReady: { method: "GET", path: "/ready", query: [] },
  getReceipt: { method: "GET", path: "/api/v1/calls/{id}/receipt", query: ["tenant"] },
  getRetention: { method: "GET", path: "/api/v1/retention", query: ["environment","tenant"] },
  getSamlMetadata: { method: "GET", path: "/api/sign-in/saml/metadata", query: [] },
  getSession: { method: "GET", path: "/api/v1/sessions/{id}", query: ["environment","tenant"] },
  getSignIn: { method: "GET", path: "/api/sign-in", query: [] },
  getStats: { method: "GET", path: "/api/dashboard/stats", query: ["environment","hours","tenant"] },
  getSummary: { method: "GET", path: "/api/v1/summary", query: ["environment","tenant"] },
  getSystem: { method: "GET", path: "/api/v1/system", query: [] },
  getTenant: { method: "GET", path: "/api/v1/tenants/{name}", query: [] },
  getUsage: { method: "GET", path: "/api/v1/usage", query: ["from","to","group_by","time_zone","order","limit","cursor","format","session","agent","feature","service","user","team","customer","model","provider","key","environment","tenant"] },
  getUserPlan: { method: "GET", path: "/api/v1/users/{id}/plan", query: ["environment","tenant"] },
  getUserSummary: { method: "GET", path: "/api/v1/users/{id}/summary", query: ["environment","tenant"] },
  getVerification: { method: "GET", path: "/api/v1/ledger/verifications/{id}", query: ["tenant"] },
  inviteMember: { method: "POST", path: "/api/v1/members/{id}/invite", query: ["tenant"] },
  listAnomalyRules: { method: "GET", path: "/api/v1/anomaly-rules", query: ["environment","tenant"] },
  listAudit: { method: "GET", path: "/api/v1/audit", query: ["limit","cursor","environment","action","subject","from","to","tenant"] },
  listBlocks: { method: "GET", path: "/api/v1/blocks", query: ["environment","scope","limit","cursor","tenant"] },
  listCalls: { method: "GET", path: "/api/v1/calls", query: ["from","to","limit","cursor","outcome","reason_code","min_cost","format","session","agent","feature","service","user","team","customer","model","provider","key","environment","tenant"] },
  listCheckpoints: { method: "GET", path: "/api/v1/ledger/checkpoints", query: ["limit","cursor","tenant"] },
  listChecks: { method: "GET", path: "/api/v1/checks", query: ["environment","state","limit","cursor","tenant"] },
  listEnvironments: { method: "GET", path: "/api/v1/environments", query: ["tenant"] },
  listKeys: { method: "GET", path: "/api/v1/keys", query: ["environment","limit","cursor","tenant"] },
  listKillSwitches: { method: "GET", path: "/api/v1/kill-switches", query: ["environment","tenant"] },
  listLimits: { method: "GET", path: "/api/v1/limits", query: ["environment","scope","measure","scope_kind","limit","cursor","tenant"] },
  listMemberNames: { method: "GET", path: "/api/v1/member-names", query: ["limit","cursor","tenant"] },
  listMembers: { method: "GET", path: "/api/v1/members", query: ["limit","cursor","tenant"] },
  listPlans: { method: "GET", path: "/api/v1/plans", query: ["environment","limit","cursor","tenant"] },
  listPolicies: { method: "GET", path: "/api/v1/policies", query: ["environment","limit","cursor","tenant"] },
  listPolicyVersions: { method: "GET", path: "/api/v1/policies/{id}/versions", query: ["environment","limit","cursor","tenant"] },
  listPrices: { method: "GET", path: "/api/v1/prices", query: ["provider","model","tenant"] },
  listProviderKeys: { method: "GET", path: "/api/v1/provider-keys", query: ["environment","tenant"] },
  listSessions: { method: "GET", path: "/api/dashboard/sessions", query: ["environment","hours","limit","cursor","tenant"] },
  listTenants: { method: "GET", path: "/api/v1/tenants", query: ["limit","cursor"] },
  listViews: { method: "GET", path: "/api/v1/views", query: ["tenant"] },
  previewKillSwitch: { method: "POST", path: "/api/v1/kill-switches/preview", query: ["environment","tenant"] },
  previewKillSwitchEverywhere: { method: "POST", path: "/api/v1/kill-switches/everywhere/preview", query: ["tenant"] },
  putPlan: { method: "PUT", path: "/api/v1/plans/{name}", query: ["environment","tenant"] },
  putView: { method: "PUT", path: "/api/v1/views/{name}", query: ["tenant"] },
  recordUsage: { method: "POST", path: "/usage", query: [] },
  rehearsePolicy: { method: "POST", path: "/api/v1/policies/rehearse", query: ["environment","tenant"] },
  resetSession: { method: "POST", path: "/api/v1/sessions/{id}/reset", query: ["environment","tenant"] },
  resetSessionOfDashboard: { method: "POST", path: "/api/dashboard/session/{id}/reset", query: ["environment","tenant"] },
  revokeKey: { method: "DELETE", path: "/api/v1/keys/{id}", query: ["environment","tenant"] },
  rotateKey: { method: "POST", path: "/api/v1/keys/{id}/rotate", query: ["environment","tenant"] },
  rotateLedgerKey: { method: "POST", path: "/api/v1/ledger/rotate-key", query: ["tenant"] },
  sdkCheck: { method: "POST", path: "/sdk/check", query: [] },
  sdkLog: { method: "POST", path: "/sdk/log", query: [] },
  sdkRecord: { method: "POST", path: "/sdk/record", query: [] },
  setProviderKey: { method: "PUT", path: "/api/v1/provider-keys/{provider}", query: ["environment","tenant"] },
  signInInvitation: { method: "POST", path: "/api/sign-in/invitation", query: [] },
  signInOwner: { method: "POST", path: "/api/sign-in/owner", query: [] },
  signInPassword: { method: "POST", path: "/api/sign-in/password", query: [] },
  unassignCustomerPlan: { method: "DELETE", path: "/api/v1/customers/{id}/plan", query: ["environment","tenant"] },
  unassignUserPlan: { method: "DELETE", path: "/api/v1/users/{id}/plan", query: ["environment","tenant"] },
  unfreezeSession: { method: "POST", path: "/api/v1/sessions/{id}/unfreeze", query: ["environment","tenant"] },
  unfreezeSessionOfDashboard: { method: "POST", path: "/api/dashboard/session/{id}/unfreeze", query: ["environment","tenant"] },
  updateAnomalyRule: { method: "PUT", path: "/api/v1/anomaly-rules/{id}", query: ["environment","tenant"] },
  updateKey: { method: "PUT", path: "/api/v1/keys/{id}", query: ["environment","tenant"] },
  updateLimit: { method: "PUT", path: "/api/v1/limits/{id}", query: ["environment","tenant"] },
  updateMember: { method: "PUT", path: "/api/v1/members/{id}", query: ["tenant"] },
  updatePayloadLogging: { method: "PUT", path: "/api/v1/payload-logging", query: ["environment","tenant"] },
  updatePolicy: { method: "PUT", path: "/api/v1/policies/{id}", query: ["environment","tenant"] },
  updateRetention: { method: "PUT", path: "/api/v1/retention", query: ["environment","tenant"] },
  verifyLedger: { method: "POST", path: "/api/v1/ledger/verify", query: ["tenant"] },
} as const satisfies Record<keyof Operations, { method: string; path: string; query: readonly string[] }>;
