import { Button, Group, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { MemberMade } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { Dialog } from "../../parts/dialog.tsx";
import { useChange } from "../../api/use-operation.ts";
import { Copyable } from "../../parts/copyable.tsx";
import { fieldProblems, FormModal } from "../../parts/form-modal.tsx";
import { Moment } from "../../parts/moment.tsx";
import { MemberFields, type MemberValues } from "./member-fields.tsx";

export function InviteMember({ onClose }: { readonly onClose: () => void }) {
  const [made, setMade] = useState<MemberMade | null>(null);
  const form = useForm<MemberValues>({ initialValues: { name: "", email: "", role: "viewer" } });
  const create = useChange("createMember", ["listMembers", "listMemberNames"], setMade);
  if (made !== null) return <InvitationLink made={made} onClose={onClose} />;
  return (
    <FormModal
      title="Invite somebody"
      action="Invite"
      form={form}
      isBusy={create.isPending}
      error={create.error}
      onSubmit={({ name, email, role }) =>
        create.mutate({ input: { body: { name, email, role } } }, { onError: fieldProblems(form) })
      }
      onClose={onClose}
    >
      <MemberFields form={form} hasEmail />
    </FormModal>
  );
}

/** The link is told once, and is as good as a password until it is used: Escape and a click beside do not lose it. */
export function InvitationLink({ made, onClose }: { readonly made: MemberMade; readonly onClose: () => void }) {
  const { name, invitation } = made;
  return (
    <Dialog onClose={onClose} title={`Invitation of ${name}`} closesByButton>
      <Stack>
        {invitation !== null && (
          <>
            <Text size="sm">
              Send this link to {name}, and to nobody else: whoever opens it first chooses the password. It is valid
              until <Moment at={invitation.expires_at} />, and is not shown again.
            </Text>
            <Copyable label="Invitation" text={`${location.origin}/dashboard/invitation#${invitation.token}`} />
          </>
        )}
        <Group justify="flex-end">
          <Button onClick={onClose}>I have sent it</Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
