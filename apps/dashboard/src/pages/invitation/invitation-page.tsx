import { Anchor, Button, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useSessionChange } from "../../api/sign-in.ts";
import { fieldProblems, namesFieldOf } from "../../parts/form-modal.tsx";
import { NewPassword } from "../../parts/new-password.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { EnterCard } from "../sign-in/enter-card.tsx";

/** Whoever was invited, or whose password was reset, gives themselves one. */
export function InvitationPage() {
  // Taken once: a router that moves on must not lose it.
  const [token] = useState(() => location.hash.slice(1));
  if (token === "") return <NoToken />;
  return (
    <EnterCard title="Welcome to Tollhouse">
      <Text size="sm">Choose the password that you will sign in with. The link you came by works this once.</Text>
      <ChoosePassword token={token} />
    </EnterCard>
  );
}

function ChoosePassword({ token }: { readonly token: string }) {
  const navigate = useNavigate();
  const form = useForm({ initialValues: { password: "" } });
  const accept = useSessionChange("signInInvitation", () => void navigate({ to: "/", replace: true }));
  return (
    <form
      onSubmit={form.onSubmit(({ password }) =>
        accept.mutate({ body: { token, password } }, { onError: fieldProblems(form) }),
      )}
    >
      <Stack>
        <NewPassword label="Password" data-autofocus {...form.getInputProps("password")} />
        {!namesFieldOf(form, accept.error) && <ProblemAlert error={accept.error} />}
        <Button type="submit" loading={accept.isPending}>
          Begin
        </Button>
      </Stack>
    </form>
  );
}

function NoToken() {
  return (
    <EnterCard title="This link is not whole">
      <Text size="sm">
        An invitation ends with <code>#</code> and a long text; mail programs cut it off at times. Copy the whole link,
        or ask for a new one.
      </Text>
      <Anchor size="sm" renderRoot={(props) => <Link {...props} to="/" />}>
        Go to the sign-in
      </Anchor>
    </EnterCard>
  );
}
