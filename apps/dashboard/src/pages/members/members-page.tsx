import { Button, Stack } from "@mantine/core";
import type { Member } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { useMay, useSession } from "../../api/session.ts";
import { usePages } from "../../api/use-operation.ts";
import { Page } from "../../frame/page.tsx";
import { DataTable } from "../../parts/data-table.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { ChangeMember, DisableMember, ForgetMember, InviteAgain } from "./change-member.tsx";
import { InviteMember } from "./invite-member.tsx";
import { memberColumns, type MemberAction } from "./member-columns.tsx";
import { SingleSignOn } from "./single-sign-on.tsx";

type Asked = { readonly kind: "invite" } | { readonly kind: MemberAction; readonly member: Member } | null;

export function MembersPage() {
  const mayLook = useMay("members");
  return mayLook ? (
    <MemberList />
  ) : (
    <Page title="Members">
      <EmptyState title="Members are for admins and owners">Ask one of them where you need another role.</EmptyState>
    </Page>
  );
}

function MemberList() {
  const [asked, setAsked] = useState<Asked>(null);
  const members = usePages("listMembers", {}, (page) => page.members);
  const viewer = useSession().data?.member?.id ?? null;
  return (
    <Page title="Members" actions={<Button onClick={() => setAsked({ kind: "invite" })}>Invite somebody</Button>}>
      <Stack gap="lg">
        <DataTable
          caption="Members of this tenant"
          columns={memberColumns(viewer, (kind, member) => setAsked({ kind, member }))}
          keyOf={({ id }) => id}
          empty={<EmptyState title="No members yet">The first one is made with the admin key.</EmptyState>}
          {...members}
        />
        <SingleSignOn />
      </Stack>
      <AskedOf asked={asked} onClose={() => setAsked(null)} />
    </Page>
  );
}

function AskedOf({ asked, onClose }: { readonly asked: Asked; readonly onClose: () => void }) {
  switch (asked?.kind) {
    case undefined:
      return null;
    case "invite":
      return <InviteMember onClose={onClose} />;
    case "change":
      return <ChangeMember member={asked.member} onClose={onClose} />;
    case "again":
      return <InviteAgain member={asked.member} onClose={onClose} />;
    case "disable":
      return <DisableMember member={asked.member} onClose={onClose} />;
    case "forget":
      return <ForgetMember member={asked.member} onClose={onClose} />;
  }
}
