import type { Answer, Input } from "@tollhouse/contract/control-client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ask } from "./control-api.ts";
import { keepSession, SESSION_KEY, type Session } from "./session.ts";

export type SignInWays = Answer<"getSignIn">;

/** How one can sign in at this installation. */
export function useSignInWays() {
  return useQuery({
    queryKey: ["getSignIn"],
    queryFn: ({ signal }) => ask("getSignIn", {}, { signal }),
  });
}

/** Operations that are answered with a session of the viewer's. */
type Entrance = "changePassword" | "signInInvitation" | "signInOwner" | "signInPassword";

/** The page goes on as whoever the answer says. */
export function useSessionChange<O extends Entrance>(operation: O, onDone?: () => void) {
  const client = useQueryClient();
  return useMutation<Session, Error, Input<O>>({
    mutationFn: (input) => ask(operation, input),
    onSuccess: (session) => {
      // What somebody else, or nobody, was told on this page is not what this member is told.
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION_KEY[0] });
      client.setQueryData(SESSION_KEY, keepSession(session));
      onDone?.();
    },
  });
}
