import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { ProblemError } from "./problem.ts";
import { SESSION_KEY } from "./session.ts";

/** A session that ended while its page was open: it is asked for again, and the page gives way to the sign-in. */
function lookAtSession(error: Error): void {
  if (error instanceof ProblemError && error.isEndOfSession) void queryClient.resetQueries({ queryKey: SESSION_KEY });
}

/** What is shown is renewed by the server's events; a poll is only for what has none. */
export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, { queryKey }) => {
      if (queryKey[0] !== SESSION_KEY[0]) lookAtSession(error);
    },
  }),
  mutationCache: new MutationCache({ onError: lookAtSession }),
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      // What the server refused it refuses again; what it could not do, it may be able to.
      retry: (failures, error) =>
        failures < 2 && (!(error instanceof ProblemError) || error.status === 0 || error.status >= 500),
    },
    mutations: { retry: false },
  },
});
