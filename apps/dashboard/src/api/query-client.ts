import { QueryClient } from "@tanstack/react-query";
import { ProblemError } from "./problem.ts";

/** What is shown is renewed by the server's events; a poll is only for what has none. */
export const queryClient = new QueryClient({
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
