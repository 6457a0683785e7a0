import { Button, Code, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useSessionChange } from "../../api/sign-in.ts";
import { fieldProblems, namesFieldOf } from "../../parts/form-modal.tsx";
import { NewPassword } from "../../parts/new-password.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { EnterCard } from "./enter-card.tsx";

const EMPTY = { admin_key: "", name: "", email: "", password: "" };

/** At a new installation: whoever has its admin key becomes its first owner, and invites the others. */
export function SetUpOwner() {
  const form = useForm({ initialValues: EMPTY });
  const setUp = useSessionChange("signInOwner");
  return (
    <EnterCard title="Set up Tollhouse">
      <Text size="sm">
        Nobody can sign in yet. Become the owner of this installation; you invite everybody else afterwards, under
        Members.
      </Text>
      <form onSubmit={form.onSubmit((body) => setUp.mutate({ body }, { onError: fieldProblems(form) }))}>
        <Stack>
          <PasswordInput
            label="Admin key"
            description={
              <>
                Shown once, where Tollhouse was first started, below “Admin key”; or what{" "}
                <Code>TOLLHOUSE_ADMIN_KEY</Code> is set to
              </>
            }
            autoComplete="off"
            required
            {...form.getInputProps("admin_key")}
          />
          <TextInput label="Your name" autoComplete="name" required {...form.getInputProps("name")} />
          <TextInput label="E-mail" type="email" autoComplete="username" required {...form.getInputProps("email")} />
          <NewPassword label="Password" {...form.getInputProps("password")} />
          {!namesFieldOf(form, setUp.error) && <ProblemAlert error={setUp.error} />}
          <Button type="submit" loading={setUp.isPending}>
            Become the owner
          </Button>
        </Stack>
      </form>
    </EnterCard>
  );
}
