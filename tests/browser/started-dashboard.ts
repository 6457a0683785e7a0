import type { BrowserContext, ConsoleMessage, Page, Request, WebError } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, vi } from "vitest";
import {
  startedTollhouse,
  type StartedOptions,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";
import { buildIfOld } from "./chromium.ts";
import { giveBack, takeTab } from "./tabs.ts";
import { makeTraffic } from "./traffic.ts";

/** Of a member who is signed in. */
export type Role = "owner" | "admin" | "operator" | "viewer";

export interface DashboardOptions extends StartedOptions {
  /** What is there before the first test; by default a few calls of two providers, one of them refused. */
  readonly before?: (world: StartedTollhouse) => Promise<void>;
}

export interface PageOptions {
  /** Where it opens, below `/dashboard`: `/keys?environment=dev`. */
  readonly at?: string;
  /** Errors of the console and refused requests that this test is about; any other fails it. */
  readonly expects?: RegExp;
}

export interface Dashboard {
  readonly world: StartedTollhouse;
  /** A tab of its own, cookies and all, in which a member of this role is signed in, at `at`. Until the test has ended. */
  signedIn(role: Role, options?: PageOptions): Promise<Page>;
  /** The same in which nobody is signed in. */
  stranger(options?: PageOptions): Promise<Page>;
}

/** For one test file: the real server with the built dashboard, a browser, and after each test: did any page complain? */
export function dashboardTests(options: DashboardOptions = {}): Dashboard {
  let world: StartedTollhouse;
  const opened: { readonly page: Page; readonly unlisten: () => void }[] = [];
  const complaints: string[] = [];
  const made = new Set<Role>();

  // A machine that is busy shows pages late; how late decides nothing.
  vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

  beforeAll(async () => {
    buildIfOld();
    world = await startedTollhouse(options);
    await (options.before ?? makeTraffic)(world);
  });
  afterEach(async ({ task }) => {
    const isSound = task.result?.state !== "fail" && complaints.length === 0;
    for (const { unlisten } of opened) unlisten();
    await Promise.all(opened.splice(0).map(({ page }) => giveBack(page, world.url, isSound)));
    expect(complaints.splice(0), "what pages complained of").toEqual([]);
  });
  afterAll(async () => {
    await world?.stop();
  });

  const open = async (
    signIn: (context: BrowserContext) => Promise<void>,
    { at = "/", expects }: PageOptions = {},
  ): Promise<Page> => {
    const page = await takeTab();
    const unlisten = listen(page.context(), (complaint) => {
      if (expects?.test(complaint) !== true) complaints.push(complaint);
    });
    opened.push({ page, unlisten });
    await signIn(page.context());
    await page.goto(`${world.url}/dashboard${at}`);
    return page;
  };
  return {
    get world() {
      return world;
    },
    signedIn: (role, page) => open((context) => signIn(context, world, role, made), page),
    stranger: (page) => open(() => Promise.resolve(), page),
  };
}

const NAMES: { readonly [R in Role]: string } = {
  owner: "Ada Bell",
  admin: "Bea Cole",
  operator: "Cem Dogan",
  viewer: "Dee Evans",
};
/** Of every member here. */
export const PASSWORD = "correct horse battery staple";

export function emailOf(role: Role): string {
  return `${role}@example.com`;
}

/** As the page of sign-in does it: the answer gives the browser its cookie. Makes the member at the first time. */
async function signIn(
  { request }: BrowserContext,
  world: StartedTollhouse,
  role: Role,
  made: Set<Role>,
): Promise<void> {
  const email = emailOf(role);
  if (!made.has(role))
    await world.control("POST", "/api/v1/members", { email, name: NAMES[role], role, password: PASSWORD });
  made.add(role);
  const answer = await request.post(`${world.url}/api/sign-in/password`, { data: { email, password: PASSWORD } });
  if (!answer.ok()) throw new Error(`sign-in of the ${role}: ${answer.status()} ${await answer.text()}`);
}

/** Until what is returned is called. */
function listen(context: BrowserContext, complain: (what: string) => void): () => void {
  const said = (message: ConsoleMessage): void => {
    // Chromium's own question, on what names no icon.
    if (message.location().url.endsWith("/favicon.ico")) return;
    if (message.type() === "error") complain(`console: ${message.text()} (${message.location().url})`);
  };
  const thrown = (error: WebError): void => complain(`page: ${error.error().stack ?? error.error().message}`);
  const failed = (request: Request): void => {
    const why = request.failure()?.errorText ?? "failed";
    // What a page asked for and no longer wants, because it shows something else by now.
    if (why !== "net::ERR_ABORTED") complain(`request: ${request.method()} ${request.url()}: ${why}`);
  };
  context.on("console", said).on("weberror", thrown).on("requestfailed", failed);
  return () => void context.off("console", said).off("weberror", thrown).off("requestfailed", failed);
}
