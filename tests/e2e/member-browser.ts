import type { SessionAnswer } from "@tollhouse/contract";

export interface Told<T = Record<string, unknown>> {
  readonly status: number;
  /** Of a refusal. */
  readonly code: string | undefined;
  readonly body: T;
  readonly headers: Headers;
}

export interface Asking {
  readonly body?: unknown;
  /** Over those that a page of ours has; undefined takes one away. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/** As a browser's page of ours asks: it keeps cookies, says where it is, and sends the session's token along. */
export class MemberBrowser {
  readonly url: string;
  readonly cookies = new Map<string, string>();
  csrf = "";

  constructor(url: string) {
    this.url = url;
  }

  async ask<T = Record<string, unknown>>(
    method: string,
    path: string,
    { body, headers }: Asking = {},
  ): Promise<Told<T>> {
    const own: Record<string, string | undefined> = {
      "sec-fetch-site": "same-origin",
      "x-tollhouse-csrf": method === "GET" || this.csrf === "" ? undefined : this.csrf,
      cookie:
        this.cookies.size === 0 ? undefined : [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; "),
      "content-type": body === undefined ? undefined : "application/json",
      ...headers,
    };
    const sent = Object.entries(own).filter((header): header is [string, string] => header[1] !== undefined);
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: sent,
      redirect: "manual",
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    for (const cookie of response.headers.getSetCookie()) this.#keep(cookie);
    const text = await response.text();
    const isJson = /\bjson($|;)/.test(response.headers.get("content-type")?.replace("x-ndjson", "") ?? "");
    const parsed = (isJson && text !== "" ? JSON.parse(text) : { text }) as Record<string, unknown>;
    const { status } = response;
    const code = status >= 400 ? String(parsed["reason_code"]) : undefined;
    return { status, code, body: parsed as T, headers: response.headers };
  }

  /** Signs in, and keeps the token of the session. */
  async signIn(path: string, body: unknown): Promise<Told<SessionAnswer>> {
    const told = await this.ask<SessionAnswer>("POST", path, { body });
    if (told.status === 200) this.csrf = told.body.csrf_token ?? "";
    return told;
  }

  #keep(cookie: string): void {
    const [pair = "", ...attributes] = cookie.split("; ");
    const at = pair.indexOf("=");
    const name = pair.slice(0, at);
    if (attributes.includes("Max-Age=0")) this.cookies.delete(name);
    else this.cookies.set(name, pair.slice(at + 1));
  }
}
