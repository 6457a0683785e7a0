import { SHAPE, sessionName, userName, type ReportData } from "./report-data.ts";

/** A page of the dashboard, at as many addresses as somebody may come to it by. */
export interface DashboardPage {
  readonly name: string;
  readonly addresses: readonly string[];
  /** Is there a next page of its list to be asked for? */
  readonly isList?: boolean;
}

const GROUPS = ["customer", "team", "service", "feature", "agent", "user", "session", "model", "provider", "key"];
const RANGES = ["24h", "7d", "30d", "90d"];
/** Of each, where a page is about one user, session or call. */
const OF_EACH = 20;

export function dashboardPages({ entries, sessions }: ReportData): readonly DashboardPage[] {
  const some = (of: (n: number) => string): string[] => Array.from({ length: OF_EACH }, (_, n) => of(n));
  const user = (n: number): string => userName(n * 7 + 1);
  const session = (n: number): string => sessionName(1 + Math.floor((sessions * n) / (OF_EACH * 2)));
  const ofGroups = RANGES.flatMap((range) => GROUPS.map((by) => `range=${range}&by=${by}`));
  return [
    { name: "Overview", addresses: ["/", ...ofGroups.map((query) => `/?${query}`)] },
    { name: "Explore", addresses: ofGroups.map((query) => `/explore?${query}`) },
    { name: "Explore, beside the time before", addresses: ofGroups.map((query) => `/explore?${query}&compare=true`) },
    { name: "Explore, into the parts", addresses: some((n) => intoParts(n, user(n))) },
    { name: "Calls", isList: true, addresses: [...CALLS, ...RANGES.map((range) => `/calls?range=${range}`)] },
    { name: "Calls of somebody", addresses: some((n) => callsOf(n, user(n), session(n))) },
    { name: "Call", addresses: some((n) => `/calls/${decisionOf(1 + Math.floor((entries * n) / OF_EACH))}`) },
    { name: "Sessions", isList: true, addresses: [1, 24, 168, 720].map((hours) => `/sessions?hours=${hours}`) },
    { name: "Session", addresses: some((n) => `/sessions/${session(n)}`) },
    { name: "Users", isList: true, addresses: [1, 7, 30, 365].map((days) => `/users?days=${days}`) },
    { name: "User", addresses: some((n) => `/users/${user(n)}`) },
    {
      name: "Budgets & limits",
      isList: true,
      addresses: some((n) => LIMITS[n % LIMITS.length] ?? "").concat(some((n) => `/limits?kind=user&name=${user(n)}`)),
    },
    { name: "Policies", isList: true, addresses: ["/policies"] },
    { name: "Kill switch", isList: true, addresses: ["/kill-switch"] },
    { name: "Keys", isList: true, addresses: ["/keys"] },
    { name: "Prices", addresses: ["/prices"] },
    { name: "Ledger", addresses: ["/ledger"] },
    { name: "Audit", isList: true, addresses: AUDIT },
    { name: "System", addresses: ["/system"] },
    { name: "Members", isList: true, addresses: ["/members"] },
    { name: "Settings", addresses: ["/settings"] },
  ];
}

const CALLS = [
  "/calls",
  "/calls?outcome=blocked",
  "/calls?outcome=released",
  "/calls?reason=BUDGET_EXCEEDED",
  "/calls?reason=USER_BLOCKED",
  "/calls?min_cost=0.0049",
  "/calls?min_cost=100",
  "/calls?model=none",
  "/calls?user=",
  "/calls?outcome=blocked&range=30d&model=model-49",
];
/** Some kinds that there are none of, which an index or a walk over all of them would have to find out. */
const LIMITS = [
  "/limits",
  "/limits?measure=usd",
  "/limits?measure=tokens",
  "/limits?kind=user",
  "/limits?kind=session",
  "/limits?kind=team",
];
const AUDIT = [
  "/audit",
  "/audit?action=limit.update",
  "/audit?action=key.rotate",
  "/audit?subject=lim_4",
  "/audit?subject=none",
  "/audit?since=2026-01-01&until=2026-01-31",
];

function intoParts(n: number, user: string): string {
  const customer = `customer=customer-${n}`;
  const narrowed = [
    customer,
    `${customer}&team=team-${n % 5}`,
    `feature=feature-${n}`,
    `user=${user}`,
    `model=model-${n}`,
  ];
  const by = ["feature", "model", "user", "session", "customer"];
  return `/explore?range=${RANGES[n % 4]}&by=${by[(n >> 2) % 5]}&${narrowed[n % 5]}`;
}

function callsOf(n: number, user: string, session: string): string {
  const whose = [
    `user=${user}`,
    `session=${session}`,
    `customer=customer-${n}`,
    `feature=feature-${n}`,
    `model=model-${SHAPE.models - 1 - n}`,
  ];
  return `/calls?${whose[n % 5]}${n >= 10 ? "&outcome=blocked" : ""}`;
}

/** Entries that are changes are no calls. */
function decisionOf(sequence: number): string {
  const call = sequence % SHAPE.entriesAChange === 0 ? sequence + 1 : sequence;
  return `dec_01900000000070008000${call.toString(16).padStart(12, "0")}`;
}
