import { useQuery } from "@tanstack/react-query";
import { askPath, keepCsrfToken } from "./control-api.ts";

export interface Session {
  /** null: a key, and nobody by name. */
  readonly member: { readonly id: string; readonly name: string; readonly email: string; readonly role: string } | null;
  readonly actor: string;
  readonly tenant: string;
  readonly environments: readonly string[];
  readonly permissions: readonly string[];
  readonly csrf_token: string | null;
  readonly expires_at: string | null;
}

/** Who looks at this page; a `ProblemError` of status 401: nobody yet. */
export function useSession() {
  return useQuery({
    queryKey: ["getSignedInSession"],
    queryFn: async ({ signal }) => {
      const session = (await askPath("/api/v1/session", { signal })) as Session;
      keepCsrfToken(session.csrf_token);
      return session;
    },
    staleTime: Infinity,
  });
}
