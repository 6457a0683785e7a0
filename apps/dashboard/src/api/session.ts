import type { Answer } from "@tollhouse/contract/control-client";
import { useQuery } from "@tanstack/react-query";
import { ask, keepCsrfToken } from "./control-api.ts";

/** Who looks at this page, and what they may do here. */
export type Session = Answer<"getCurrentSession">;
export type Permission = Session["permissions"][number];

export const SESSION_KEY = ["getCurrentSession"];

/** Who looks at this page; a `ProblemError` of status 401: nobody yet. */
export function useSession() {
  return useQuery({
    queryKey: SESSION_KEY,
    queryFn: async ({ signal }) => keepSession(await ask("getCurrentSession", {}, { signal })),
    staleTime: Infinity,
  });
}

/** Changes are made in this session's name from now on. */
export function keepSession(session: Session): Session {
  keepCsrfToken(session.csrf_token);
  return session;
}

/** May the viewer do such things? A button that would be refused is not shown. The server decides all the same. */
export function useMay(permission: Permission): boolean {
  return useSession().data?.permissions.includes(permission) === true;
}
