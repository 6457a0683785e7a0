import { Alert, Text } from "@mantine/core";
import { CODES, type ReasonCode } from "@tollhouse/contract/control-client";
import { getRouteApi, Navigate } from "@tanstack/react-router";
import { useSession } from "../../api/session.ts";
import { SignIn } from "./sign-in.tsx";

const route = getRouteApi("/sign-in");

export function SignInPage() {
  const { reason } = route.useSearch();
  const session = useSession();
  if (session.data !== undefined) return <Navigate to="/" replace />;
  return <SignIn>{reason !== undefined && <Refused reason={reason} />}</SignIn>;
}

/** Why single sign-on did not let somebody in. The address is not trusted: what is none of our codes is not shown. */
function Refused({ reason }: { readonly reason: string }) {
  const row = Object.hasOwn(CODES, reason) ? CODES[reason as ReasonCode] : null;
  return (
    <Alert color="red" role="alert" variant="light" title={row?.title ?? "Single sign-on did not work"}>
      <Text size="sm">{row?.next ?? "Try again, or ask an owner of this installation."}</Text>
    </Alert>
  );
}
