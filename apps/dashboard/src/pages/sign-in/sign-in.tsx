import { Button, Center, Paper, PasswordInput, Stack, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { askPath } from "../../api/control-api.ts";
import { ProblemAlert } from "../../parts/problem-alert.tsx";

/** For whoever is not signed in. */
export function SignIn() {
  const client = useQueryClient();
  const form = useForm({ initialValues: { email: "", password: "" } });
  const signIn = useMutation({
    mutationFn: (body: { email: string; password: string }) =>
      askPath("/api/sign-in/password", { method: "POST", body }),
    onSuccess: () => client.resetQueries(),
  });
  return (
    <Center mih="100vh" component="main" p="md">
      <Paper withBorder p="xl" w={380}>
        <form onSubmit={form.onSubmit((values) => signIn.mutate(values))}>
          <Stack>
            <Title order={1} size="h3">
              Sign in to Tollhouse
            </Title>
            <TextInput label="E-mail" type="email" autoComplete="username" required {...form.getInputProps("email")} />
            <PasswordInput
              label="Password"
              autoComplete="current-password"
              required
              {...form.getInputProps("password")}
            />
            <ProblemAlert error={signIn.error} />
            <Button type="submit" loading={signIn.isPending}>
              Sign in
            </Button>
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}
