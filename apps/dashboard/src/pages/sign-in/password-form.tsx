import { Anchor, Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { useSessionChange } from "../../api/sign-in.ts";
import { ProblemAlert } from "../../parts/problem-alert.tsx";

export function PasswordForm() {
  const [hasTenant, setHasTenant] = useState(false);
  const form = useForm({ initialValues: { email: "", password: "", tenant: "" } });
  const signIn = useSessionChange("signInPassword");
  return (
    <form
      onSubmit={form.onSubmit(({ email, password, tenant }) =>
        signIn.mutate({ body: { email, password, ...(tenant !== "" && { tenant }) } }),
      )}
    >
      <Stack>
        <TextInput label="E-mail" type="email" autoComplete="username" required {...form.getInputProps("email")} />
        <PasswordInput label="Password" autoComplete="current-password" required {...form.getInputProps("password")} />
        {hasTenant && (
          <TextInput
            label="Tenant"
            description="The name of your organisation at this installation"
            autoComplete="organization"
            data-autofocus
            {...form.getInputProps("tenant")}
          />
        )}
        <ProblemAlert error={signIn.error} />
        <Button type="submit" loading={signIn.isPending}>
          Sign in
        </Button>
        {!hasTenant && (
          <Anchor component="button" type="button" size="sm" onClick={() => setHasTenant(true)}>
            I belong to another tenant
          </Anchor>
        )}
      </Stack>
    </form>
  );
}
