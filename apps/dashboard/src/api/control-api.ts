import {
  OPERATIONS,
  targetOf,
  type Answer,
  type AnyInput,
  type Input,
  type OperationId,
  type Query,
} from "@tollhouse/contract/control-client";
import { ProblemError, problemOf } from "./problem.ts";

const TIMEOUT_MS = 60_000;

/** Proves to the server that a change was asked for by this page, and not by another site with the same cookie. */
let csrfToken: string | null = null;

export function keepCsrfToken(token: string | null): void {
  csrfToken = token;
}

interface Asking {
  readonly method?: string;
  readonly body?: unknown;
  /** Only if it is still this version. */
  readonly version?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Asks one operation of the control API of the server that served this page. Throws a `ProblemError`. */
export async function ask<O extends OperationId>(
  operation: O,
  input: Input<O>,
  { always, ...asking }: Asking & { readonly always?: Query } = {},
): Promise<Answer<O>> {
  const { method } = OPERATIONS[operation];
  const { body } = input as AnyInput;
  return (await askPath(targetOf(operation, input, always), { ...asking, method, body })) as Answer<O>;
}

/** The same by path, for what is not of one operation. */
export async function askPath(target: string, { method = "GET", body, version, signal }: Asking): Promise<unknown> {
  const response = await send(target, {
    method,
    headers: {
      accept: "application/json",
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(version !== undefined && { "if-match": `"${version}"` }),
      ...(method !== "GET" && csrfToken !== null && { "x-tollhouse-csrf": csrfToken }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.any([...(signal === undefined ? [] : [signal]), AbortSignal.timeout(TIMEOUT_MS)]),
  });
  if (!response.ok) throw await problemOf(response);
  if (response.status === 204) return undefined;
  const isJson = (response.headers.get("content-type") ?? "").includes("json");
  return isJson ? await response.json() : await response.text();
}

async function send(target: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(target, { ...init, credentials: "same-origin", redirect: "error" });
  } catch (error) {
    if (init.signal?.aborted === true && !isTimeout(error)) throw error;
    throw new ProblemError(
      0,
      null,
      isTimeout(error) ? "Tollhouse did not answer in time" : "Tollhouse cannot be reached",
    );
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}
