import { Center, Loader } from "@mantine/core";
import { Outlet } from "@tanstack/react-router";
import { useSession } from "../api/session.ts";
import { ProblemError } from "../api/problem.ts";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { SignIn } from "../pages/sign-in/sign-in.tsx";
import { Frame } from "./frame.tsx";

/** The page, for whoever is signed in; else the way to do that. */
export function SignedInFrame() {
  const session = useSession();
  if (session.data !== undefined)
    return (
      <Frame session={session.data}>
        <Outlet />
      </Frame>
    );
  if (session.error instanceof ProblemError && session.error.status === 401) return <SignIn />;
  return (
    <Center mih="60vh" component="main">
      {session.error === null ? <Loader aria-label="Loading" /> : <ProblemAlert error={session.error} />}
    </Center>
  );
}
