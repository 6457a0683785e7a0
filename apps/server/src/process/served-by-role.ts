import type { IncomingMessage, ServerResponse } from "node:http";
import { CODES, type Role } from "@tollhouse/contract";
import { Problem, problemBody } from "../control/problem.ts";
import { endAfterRequest } from "../gateway/refusal.ts";
import { BELOW_DASHBOARD } from "./pages.ts";

type Page = (req: IncomingMessage, res: ServerResponse) => void;

const CONTROL_PAGES = ["/", "/dashboard", BELOW_DASHBOARD, "/api/openapi.json"];

/** What whoever makes a call to a process that takes none is told; undefined: it takes them. */
export function noCalls(roles: readonly Role[]): string | undefined {
  return roles.includes("gateway") ? undefined : `This process takes no calls: it runs as ${roles.join(", ")}`;
}

/** 404 for all of the control API: whoever is sent here was sent to the wrong process, and learns it. */
export function noControl(roles: readonly Role[]): Page {
  const problem = new Problem("NOT_FOUND", `This process has no control API: it runs as ${roles.join(", ")}`);
  const body = Buffer.from(JSON.stringify(problemBody(problem)));
  return (req, res) => {
    res.writeHead(CODES.NOT_FOUND.status, {
      "content-type": "application/problem+json",
      "content-length": body.length,
      ...(!req.complete && { connection: "close" }),
    });
    endAfterRequest(res, body);
  };
}

/** `pages` without those of the control API, where the process does not serve it. */
export function pagesOf(roles: readonly Role[], pages: ReadonlyMap<string, Page>): ReadonlyMap<string, Page> {
  if (roles.includes("control")) return pages;
  return new Map([...pages, ...CONTROL_PAGES.map((path) => [path, noControl(roles)] as const)]);
}
