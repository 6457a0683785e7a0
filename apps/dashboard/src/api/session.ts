import { useQuery } from "@tanstack/react-query";
import { askPath, keepCsrfToken } from "./control-api.ts";

/** What somebody may do here; each role has some of them. */
export type Permission = "read" | "operate" | "manage" | "payloads" | "members" | "own" | "installation";

export interface Session {
  /** null: a key, and nobody by name. */
  readonly member: { readonly id: string; readonly name: string; readonly email: string; readonly role: string } | null;
  readonly actor: string;
  readonly tenant: string;
  readonly environments: readonly string[];
  readonly permissions: readonly Permission[];
  readonly csrf_token: string | null;
  readonly expires_at: string | null;
}

export const SESSION_KEY = ["getSignedInSession"];

/** Who looks at this page; a `ProblemError` of status 401: nobody yet. */
export function useSession() {
  return useQuery({
    queryKey: SESSION_KEY,
    queryFn: async ({ signal }) => keepSession((await askPath("/api/v1/session", { signal })) as Session),
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
