import { Alert, Loader } from "@mantine/core";
import type { ReactNode } from "react";
import { useSignInWays } from "../../api/sign-in.ts";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { EnterCard } from "./enter-card.tsx";
import { PasswordForm } from "./password-form.tsx";
import { SetUpOwner } from "./set-up-owner.tsx";
import { SingleSignOn } from "./single-sign-on.tsx";

interface SignInProps {
  /** There was a session, and it is over. */
  readonly hasEnded?: boolean;
  /** What is to be said first. */
  readonly children?: ReactNode;
}

/** For whoever is not signed in; at a new installation, for whoever sets it up. */
export function SignIn({ hasEnded, children }: SignInProps) {
  const { data: ways, error } = useSignInWays();
  if (ways === undefined)
    return (
      <EnterCard title="Sign in to Tollhouse">
        {error === null ? <Loader aria-label="Loading" mx="auto" /> : <ProblemAlert error={error} />}
      </EnterCard>
    );
  if (ways.needs_owner) return <SetUpOwner />;
  return (
    <EnterCard title="Sign in to Tollhouse">
      {hasEnded === true && (
        <Alert variant="light" role="status">
          Your session has ended. Sign in again to go on here.
        </Alert>
      )}
      {children}
      {ways.password && <PasswordForm />}
      <SingleSignOn ways={ways} />
    </EnterCard>
  );
}
