import { useForm } from "@mantine/form";
import type { Member, MemberMade } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { useChange } from "../../api/use-operation.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { fieldProblems, FormModal } from "../../parts/form-modal.tsx";
import { InvitationLink } from "./invite-member.tsx";
import { MemberFields, type MemberValues } from "./member-fields.tsx";

interface OfMember {
  readonly member: Member;
  readonly onClose: () => void;
}

export function ChangeMember({ member, onClose }: OfMember) {
  const { id, name, email, role, version } = member;
  const form = useForm<MemberValues>({ initialValues: { name, email, role } });
  const update = useChange("updateMember", ["listMembers", "listMemberNames"], onClose);
  return (
    <FormModal
      title={`Change ${name}`}
      action="Save"
      form={form}
      isBusy={update.isPending}
      error={update.error}
      onSubmit={(values) =>
        update.mutate(
          { input: { params: { id }, body: { name: values.name, role: values.role, version } } },
          { onError: fieldProblems(form) },
        )
      }
      onClose={onClose}
    >
      <MemberFields form={form} hasEmail={false} />
    </FormModal>
  );
}

export function InviteAgain({ member: { id, name }, onClose }: OfMember) {
  const [made, setMade] = useState<MemberMade | null>(null);
  const invite = useChange("inviteMember", ["listMembers"], setMade);
  if (made !== null) return <InvitationLink made={made} onClose={onClose} />;
  return (
    <Confirm
      title={`A new invitation for ${name}?`}
      action="Make a new invitation"
      isBusy={invite.isPending}
      error={invite.error}
      onConfirm={() => invite.mutate({ input: { params: { id } } })}
      onClose={onClose}
    >
      The password of now is refused from then on, and {name} is signed out everywhere.
    </Confirm>
  );
}

export function DisableMember({ member: { id, name, state, version }, onClose }: OfMember) {
  const update = useChange("updateMember", ["listMembers"], onClose);
  const isOut = state === "disabled";
  return (
    <Confirm
      title={isOut ? `Let ${name} in again?` : `Keep ${name} out?`}
      action={isOut ? "Let in again" : "Keep out"}
      isBusy={update.isPending}
      error={update.error}
      onConfirm={() => update.mutate({ input: { params: { id }, body: { disabled: !isOut, version } } })}
      onClose={onClose}
    >
      {isOut
        ? "They sign in as before, with the role that they had."
        : "They are signed out everywhere at once, and cannot sign in until somebody lets them in again."}
    </Confirm>
  );
}

export function ForgetMember({ member: { id, name, email }, onClose }: OfMember) {
  const forget = useChange("deleteMember", ["listMembers", "listMemberNames"], onClose);
  return (
    <Confirm
      title={`Forget ${name}?`}
      action="Forget"
      typed={email}
      isBusy={forget.isPending}
      error={forget.error}
      onConfirm={() => forget.mutate({ input: { params: { id } } })}
      onClose={onClose}
    >
      They are signed out everywhere, and name and e-mail are deleted. What they changed stays in the ledger, under
      their id alone. This cannot be taken back.
    </Confirm>
  );
}
