import { ProblemAnswer, type Api } from "../api/api.ts";
import { CommandFailed } from "../exit-codes.ts";
import { VERSION } from "../version.ts";
import { bad, clockCheck, ledgerCheck, ok, runtimeCheck, systemChecks, transportCheck, type Check } from "./checks.ts";

/** Every check in the order in which one needs the other: without a server there is nothing to ask it. */
export async function examine(api: Api): Promise<Check[]> {
  const first = [runtimeCheck(process.version), transportCheck(api.options.url)];
  const reached = await serverChecks(api);
  if (reached.some(({ state }) => state === "fail")) return [...first, ...reached];
  return [...first, ...reached, ...(await keyChecks(api))];
}

async function serverChecks(api: Api): Promise<Check[]> {
  const { url } = api.options;
  const askedMs = Date.now();
  try {
    const response = await api.probe("getHealth");
    const aroundMs = (askedMs + Date.now()) / 2;
    const { status, version } = (await response.json()) as { status?: unknown; version?: unknown };
    if (status !== "ok" || typeof version !== "string") return [notOurs(url)];
    return [versionCheck(url, version), clockCheck(response.headers.get("date"), aroundMs)];
  } catch (error) {
    if (error instanceof SyntaxError) return [notOurs(url)];
    if (!(error instanceof CommandFailed)) throw error;
    return [bad("fail", "server", error.message, error.next ?? "Look at its log.")];
  }
}

function notOurs(url: string): Check {
  return bad("fail", "server", `${url} answers, and not as a Tollhouse does`, "Name the address of Tollhouse itself.");
}

function versionCheck(url: string, version: string): Check {
  const found = `${url}, version ${version}`;
  return version === VERSION
    ? ok("server", found)
    : bad(
        "warn",
        "server",
        `${found}; this command line is ${VERSION}`,
        "Use the command line of the server's release.",
      );
}

const SEE_MORE = "Only the admin key sees them: `tollhouse login` with it.";

/** What the key may do; and with the admin key, how the installation is. */
async function keyChecks(api: Api): Promise<Check[]> {
  if (api.options.key === null)
    return [bad("fail", "key", "none", "`tollhouse login`, or TOLLHOUSE_KEY."), await readyAlone(api)];
  const system = await answered(() => api.call("getSystem", {}));
  if (!(system instanceof ProblemAnswer))
    return [ok("key", "the admin key"), ...systemChecks(system), ...(await ledgerChecks(api))];
  const { reason_code, status } = system.problem;
  if (status >= 500) return [bad("fail", "system", system.message, "Look at the server's log.")];
  const access = await keyAccess(api, reason_code);
  return [
    access,
    await readyAlone(api),
    ...(await ledgerChecks(api)),
    bad("unknown", "stores, nodes", "not looked at", SEE_MORE),
  ];
}

/** No question of these changes anything. */
async function keyAccess(api: Api, refusal: string): Promise<Check> {
  const read = await answered(() => api.call("listEnvironments", {}));
  const manage = await answered(() => api.call("previewKillSwitch", { body: { scope: "org" } }));
  const may = [read instanceof ProblemAnswer ? null : "read", manage instanceof ProblemAnswer ? null : "manage"].filter(
    (name) => name !== null,
  );
  if (may.length > 0) return ok("key", `may ${may.join(", ")}`);
  const refused = read instanceof ProblemAnswer ? read.problem.reason_code : refusal;
  if (refused === "PERMISSION_MISSING") return ok("key", "may neither read nor manage: it is for calls");
  return bad("fail", "key", refused, "`tollhouse login` with a key that is valid here.");
}

/** Nothing where this key does not see it, or the database, which keeps it, is away: told above. */
async function ledgerChecks(api: Api): Promise<Check[]> {
  const verification = await answered(() => api.call("getLedgerVerification", {}));
  return verification instanceof ProblemAnswer ? [] : [ledgerCheck(verification, Date.now())];
}

async function readyAlone(api: Api): Promise<Check> {
  const response = await api.probe("getReady");
  const body = (await response.json().catch(() => null)) as { waiting_for?: readonly string[] } | null;
  if (response.ok) return ok("ready", "takes calls");
  return bad("fail", "ready", `waits for ${body?.waiting_for?.join(", ") ?? "something"}`, SEE_MORE);
}

async function answered<T>(ask: () => Promise<T>): Promise<T | ProblemAnswer> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ProblemAnswer) return error;
    throw error;
  }
}
