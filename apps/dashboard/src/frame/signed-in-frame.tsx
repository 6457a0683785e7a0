import { Center, Loader } from "@mantine/core";
import { Outlet, useMatches } from "@tanstack/react-router";
import { useSession } from "../api/session.ts";
import { ProblemError } from "../api/problem.ts";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { SignIn } from "../pages/sign-in/sign-in.tsx";
import { Frame } from "./frame.tsx";

declare module "@tanstack/react-router" {
  interface StaticDataRouteOption {
    /** Is the page for those who are not signed in? It stands without the frame. */
    readonly isOpen?: true;
  }
}

/** The page, for whoever is signed in; else the way to do that, at the same address, so that one arrives where one wanted to be. */
export function SignedInFrame() {
  const isOpen = useMatches({ select: (matches) => matches.some(({ staticData }) => staticData.isOpen === true) });
  return isOpen ? <Outlet /> : <OfSession />;
}

function OfSession() {
  const session = useSession();
  if (session.data !== undefined)
    return (
      <Frame session={session.data}>
        <Outlet />
      </Frame>
    );
  const { error } = session;
  if (error instanceof ProblemError && error.status === 401) return <SignIn hasEnded={error.isEndOfSession} />;
  return (
    <Center mih="60vh" component="main">
      {error === null ? <Loader aria-label="Loading" /> : <ProblemAlert error={error} />}
    </Center>
  );
}
