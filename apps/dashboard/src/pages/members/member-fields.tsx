import { Radio, Stack, TextInput } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { useMay } from "../../api/session.ts";
import { ROLES, type Role } from "./roles.ts";

export interface MemberValues extends Record<string, unknown> {
  name: string;
  email: string;
  role: Role;
}

interface MemberFieldsProps {
  readonly form: UseFormReturnType<MemberValues>;
  /** Somebody is told apart by it, and keeps it. */
  readonly hasEmail: boolean;
}

export function MemberFields({ form, hasEmail }: MemberFieldsProps) {
  const mayMakeOwners = useMay("own");
  return (
    <>
      <TextInput label="Name" data-autofocus autoComplete="off" {...form.getInputProps("name")} />
      {hasEmail && <TextInput label="E-mail" type="email" autoComplete="off" {...form.getInputProps("email")} />}
      <Radio.Group label="Role" {...form.getInputProps("role")}>
        <Stack gap="xs" mt="xs">
          {ROLES.map(({ value, may }) => (
            <Radio
              key={value}
              value={value}
              label={value}
              description={may}
              disabled={value === "owner" && !mayMakeOwners}
            />
          ))}
        </Stack>
      </Radio.Group>
    </>
  );
}
