import { Button, Menu, Stack, Text } from "@mantine/core";
import type { Member } from "@tollhouse/contract/control-client";
import type { Column } from "../../parts/data-table.tsx";
import { Moment } from "../../parts/moment.tsx";
import { StateBadge, type Tone } from "../../parts/state-badge.tsx";

export type MemberAction = "change" | "again" | "disable" | "forget";

const TONES: { readonly [S in Member["state"]]: Tone } = { active: "good", invited: "look", disabled: "quiet" };

/** `viewer`: the member who looks, who is named as such. */
export function memberColumns(
  viewer: string | null,
  ask: (action: MemberAction, member: Member) => void,
): readonly Column<Member>[] {
  return [
    { header: "Name", cell: (member) => <Who member={member} isViewer={member.id === viewer} /> },
    { header: "Role", cell: ({ role }) => role },
    { header: "State", cell: (member) => <StateOf member={member} /> },
    { header: "Signs in", cell: ({ single_sign_on }) => (single_sign_on ? "by single sign-on" : "by password") },
    { header: "Last signed in", cell: ({ last_sign_in_at }) => <Moment at={last_sign_in_at} otherwise="never" /> },
    {
      header: "Actions",
      isHeaderHidden: true,
      cell: (member) => <ActionsOf member={member} ask={ask} />,
    },
  ];
}

function Who({ member: { name, email }, isViewer }: { readonly member: Member; readonly isViewer: boolean }) {
  return (
    <Stack gap={0}>
      <span>
        {name}
        {isViewer && " (you)"}
      </span>
      <Text size="xs" c="dimmed">
        {email}
      </Text>
    </Stack>
  );
}

function StateOf({ member: { state } }: { readonly member: Member }) {
  return <StateBadge tone={TONES[state]}>{state}</StateBadge>;
}

interface ActionsProps {
  readonly member: Member;
  readonly ask: (action: MemberAction, member: Member) => void;
}

function ActionsOf({ member, ask }: ActionsProps) {
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button size="compact-sm" variant="default" aria-label={`Change ${member.name}`}>
          Change
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => ask("change", member)}>Name and role</Menu.Item>
        {!member.single_sign_on && <Menu.Item onClick={() => ask("again", member)}>New invitation</Menu.Item>}
        <Menu.Item onClick={() => ask("disable", member)}>
          {member.state === "disabled" ? "Let in again" : "Keep out"}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item color="red" onClick={() => ask("forget", member)}>
          Forget
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
