import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { askPath } from "./control-api.ts";
import { keepSession, SESSION_KEY, type Session } from "./session.ts";

/** How one can sign in at this installation. */
export interface SignInWays {
  /** Nobody has yet: the first one becomes the owner. */
  readonly needs_owner: boolean;
  readonly password: boolean;
  readonly oidc: { readonly name: string } | null;
  readonly saml: { readonly name: string } | null;
}

export function useSignInWays() {
  return useQuery({
    queryKey: ["getSignInWays"],
    queryFn: async ({ signal }) => (await askPath("/api/sign-in", { signal })) as SignInWays,
  });
}

/** A request that is answered with a session of the viewer's: the page goes on as whoever that is. */
export function useSessionChange<Body>(path: string, onDone?: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (body: Body) => (await askPath(path, { method: "POST", body })) as Session,
    onSuccess: (session) => {
      // What somebody else, or nobody, was told on this page is not what this member is told.
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION_KEY[0] });
      client.setQueryData(SESSION_KEY, keepSession(session));
      onDone?.();
    },
  });
}
